"""The ledger of idempotency keys: kept by the one process or by the parent, in memory and, where told, in a file."""

import asyncio
import fcntl
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from relay.crew.line import Line
from relay.crew.table import Table
from relay.errors import SettingsFault
from relay.gateway.ledger import Claim, Standing, Told, Verdict
from relay.gateway.receipts import Receipts
from relay.keeping import sync_folder
from relay.settings.relay import Ledger as LedgerSettings

# Lines beyond two for each key after which the file is written anew, without what is forgotten.
_SURPLUS: Final = 10_000
# Seconds until what could not be told the parent is told again.
_AGAIN: Final = 0.05


@contextmanager
def kept_receipts(settings: LedgerSettings) -> Iterator[Receipts]:
    """Yield the receipts, with those of an earlier process where a file keeps them. Raises SettingsFault."""
    if settings.file is None:
        yield Receipts(most=settings.most, keep=settings.keep)
        return
    try:
        file = _ReceiptFile(settings.file)
    except BlockingIOError:
        fault = f"{settings.file} is in use by another relay; give each a file of its own"
        raise SettingsFault([("ledger.file", fault)]) from None
    except OSError as error:
        raise SettingsFault([("ledger.file", _cannot(settings.file, error))]) from None
    try:
        receipts = Receipts(most=settings.most, keep=settings.keep, write=file.write, sync=file.sync)
        try:
            receipts.read(file.lines(), time.time())
            file.keep(receipts)
        except OSError as error:
            raise SettingsFault([("ledger.file", _cannot(settings.file, error))]) from None
        yield receipts
    finally:
        file.close()


def _cannot(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror or error}; give a file in a folder of the relay's own"


class _ReceiptFile:
    """A line for each change. It outlives the process once it is written, and the machine once it is synced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Locked beside it, for the file itself is replaced now and then.
        self._lock = _opened(path.with_name(f"{path.name}.lock"))
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = _opened(path)
        except OSError:
            self._lock.close()
            raise
        self._receipts: Receipts | None = None
        self._lines = 0
        self._torn = False
        self._doubtful = False
        self._waiting: list[Callable[[bool], None]] = []
        self._syncing: asyncio.Task[None] | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield what is there."""
        with self._path.open("rb") as file:
            yield from file

    def keep(self, receipts: Receipts) -> None:
        """Write the whole anew, and again whenever most of the file is of no use any more. Raises OSError."""
        self._receipts = receipts
        successor = self._path.with_name(f"{self._path.name}.new")
        successor.unlink(missing_ok=True)
        file = _opened(successor)
        try:
            lines = list(receipts.lines())
            file.write(b"".join(lines))
            os.fsync(file.fileno())  # or a crash soon after could leave an empty file in its place
            successor.replace(self._path)
            sync_folder(self._path.parent)
        except OSError:
            file.close()
            raise
        self._file.close()
        self._file, self._lines, self._torn, self._doubtful = file, len(lines), False, False

    def write(self, line: bytes) -> bool:
        """Append a line; say whether it is there."""
        try:
            if self._receipts is not None and (self._doubtful or self._lines > 2 * len(self._receipts) + _SURPLUS):
                self.keep(self._receipts)
            line = b"\n" + line if self._torn else line  # what a full disk left of one must not spoil the next
            self._torn = self._file.write(line) != len(line)
        except OSError:
            return False
        self._lines += 1
        return not self._torn

    def sync(self, told: Callable[[bool], None]) -> None:
        """Have `told` hear whether all that was written until now is on the disk: one sync for all who wait.

        In a thread: a disk takes longer than a call may hold up others (decision 0016 has figures).
        """
        self._waiting.append(told)
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._keep_syncing())

    async def _keep_syncing(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            kept = await self._synced()
            for told in waiting:
                loop.call_soon(told, kept)
        self._syncing = None

    async def _synced(self) -> bool:
        try:
            if self._doubtful and self._receipts is not None:
                # What was written while that sync failed may be forgotten too, and the next would say nothing of it.
                self.keep(self._receipts)
                return True
            # Of its own, for meanwhile another file may take this one's place: with all that is in this one.
            file = os.dup(self._file.fileno())
            try:
                await asyncio.to_thread(os.fdatasync, file)
            finally:
                os.close(file)
        except OSError:
            # What the kernel could not write it forgets, and the next sync would say nothing of it (fsync(2)).
            self._doubtful = True
            return False
        return True

    def close(self) -> None:
        """Close it, for another process to take."""
        self._file.close()
        self._lock.close()


def _opened(path: Path) -> BinaryIO:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return os.fdopen(file, "ab", buffering=0)


class ReceiptClerk:
    """The parent's `Clerk`: keeps the receipts of all workers."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts

    def __repr__(self) -> str:
        return f"<ReceiptClerk {self._receipts!r}>"

    def told(self, worker: int, words: tuple[str, ...]) -> None:
        """Take what became of a call."""
        key, standing, status = words
        self._receipts.settle(bytes.fromhex(key), worker, Standing(standing), int(status), time.time())

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        """Answer with the verdict on a claim."""
        number, key, call, body = words
        claim = Claim(bytes.fromhex(key), bytes.fromhex(call), b"" if body == "-" else bytes.fromhex(body))

        def told(verdict: Verdict) -> None:
            answer(number, verdict.standing, str(verdict.status), repr(verdict.at))

        self._receipts.ask(claim, worker, time.time(), told)

    def buried(self, worker: int) -> None:
        """Nobody knows what became of what it had in progress."""
        self._receipts.orphan(worker, time.time())


class LineLedger:
    """The `Ledger` of a worker: its table, and the parent's receipts."""

    def __init__(self, table: Table, line: Line) -> None:
        self.begin = table.begin
        self._line = line
        self._numbers = count()
        self._waiting: dict[str, Told] = {}
        self._untold: deque[tuple[str, ...]] = deque()

    def __repr__(self) -> str:
        return f"<LineLedger {len(self._waiting)} claims wait, {len(self._untold)} outcomes are untold>"

    def claim(self, claim: Claim, told: Told) -> None:
        """Ask the parent."""
        number = str(next(self._numbers))
        self._waiting[number] = told
        if not self._line.send("ask", number, claim.key.hex(), claim.call.hex(), claim.body.hex() or "-"):
            del self._waiting[number]
            told(Verdict(Standing.AWAY))

    def settle(self, key: bytes, standing: Standing, status: int) -> None:
        """Tell the parent, again and again if it takes nothing now: until then it is in progress for all."""
        self._untold.append(("tell", key.hex(), standing.value, str(status)))
        if len(self._untold) == 1:
            self._tell()

    def answered(self, number: str, standing: str, status: str, at: str) -> None:
        """Take the parent's verdict."""
        told = self._waiting.pop(number)
        told(Verdict(Standing(standing), int(status), float(at)))

    def lost(self) -> None:
        """Take that the parent is gone."""
        waiting, self._waiting = self._waiting, {}
        for told in waiting.values():
            told(Verdict(Standing.AWAY))

    def _tell(self) -> None:
        while self._untold:
            if not self._line.send(*self._untold[0]):
                if self._line.fileno() >= 0:
                    asyncio.get_running_loop().call_later(_AGAIN, self._tell)
                return
            self._untold.popleft()
