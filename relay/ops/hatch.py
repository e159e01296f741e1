"""The hatch: a socket in the file system through which the machine's people reach a running relay, and nobody else.

Who may write to the socket (its owner, and root) may ask; no port is opened and no secret is needed: decision 0013.
One line of JSON each way.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import orjson

from relay.errors import SettingsFault

# Octets of the socket's own name: a sockaddr_un holds 107, and how deep its folder is does not count here.
LONGEST_NAME: Final = 80
_LONGEST: Final = 4096
_PATIENCE: Final = 5.0
_UCRED: Final = struct.Struct("3i")

Answer = dict[str, object]
# Takes what was asked and the user id that asked; raises ValueError with what is wrong with the question.
Ask = Callable[[dict[str, object], int], Answer]


@asynccontextmanager
async def hatch(path: Path, ask: Ask, *, key: str) -> AsyncIterator[None]:
    """Answer at `path` for as long as the block lasts. `key` names the setting in a SettingsFault."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                writer.write(orjson.dumps(_answer(await reader.readline(), _who(writer), ask)) + b"\n")
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass  # who asks nothing in time, or too much, gets no answer
        finally:
            writer.close()

    listening = _listening(path, key)
    server = await asyncio.start_unix_server(serve, sock=listening, limit=_LONGEST)
    try:
        yield
    finally:
        _unlink(path)
        server.close()


def asked(path: Path, question: dict[str, object]) -> Answer | None:
    """Ask the relay that answers at `path`; None when none does. Raises PermissionError, and ValueError as it says."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_PATIENCE)
        try:
            with _short(path) as name:
                line.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        line.sendall(orjson.dumps(question) + b"\n")
        with line.makefile("rb") as reading:
            told: Answer = orjson.loads(reading.readline())
    if "fault" in told:
        raise ValueError(told["fault"])
    return told


def _answer(octets: bytes, uid: int, ask: Ask) -> Answer:
    try:
        question = orjson.loads(octets)
        if not isinstance(question, dict):
            raise ValueError("ask with an object of JSON")
        return ask(question, uid)
    except ValueError as fault:
        return {"fault": str(fault)}


def _listening(path: Path, key: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        if _answers(path):
            raise SettingsFault([(key, f"another relay has its state there: one answers at {path}")])
        _unlink(path)
        # Made with this mask it never is anybody else's, not for a moment.
        mask = os.umask(0o177)
        try:
            with _short(path) as name:
                listening.bind(name)
        finally:
            os.umask(mask)
        listening.listen(8)
        listening.setblocking(False)  # noqa: FBT003  # the library's
    except OSError as error:
        listening.close()
        raise SettingsFault([(key, f"no socket can be made at {path}: {error.strerror}")]) from None
    except BaseException:
        listening.close()
        raise
    return listening


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield another name of the socket's place, short whatever folders lead to it. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _unlink(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_PATIENCE)
        try:
            with _short(path) as name:
                line.connect(name)
        except OSError:
            return False
    return True


def _who(writer: asyncio.StreamWriter) -> int:
    """Return the user id of whoever asks, as the kernel knows it."""
    sock = writer.get_extra_info("socket")
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)
