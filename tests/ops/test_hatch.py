"""The hatch: answers whoever may write to its socket, tells who asked, and is nobody else's."""

import asyncio
import os
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from relay.errors import SettingsFault
from relay.ops.hatch import LONGEST_NAME, Answer, asked, hatch
from tests.kit.may_skip import needed


def _ask(question: dict[str, object], uid: int) -> Answer:
    if "fault" in question:
        raise ValueError("that cannot be asked")
    return {"question": question, "uid": uid}


async def _asked(path: Path, question: dict[str, object]) -> Answer | None:
    return await asyncio.to_thread(asked, path, question)


async def test_it_answers_and_knows_who_asks(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with hatch(path, _ask, key="state"):
        assert await _asked(path, {"do": "show"}) == {"question": {"do": "show"}, "uid": os.getuid()}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_it_answers_however_deep_its_folder_is(tmp_path: Path) -> None:
    path = tmp_path / "/".join(["a-folder-of-a-careful-person"] * 12) / ("s" * LONGEST_NAME)
    path.parent.mkdir(parents=True)
    async with hatch(path, _ask, key="state"):
        assert await _asked(path, {}) is not None
        with pytest.raises(SettingsFault, match="another relay has its state there"):
            async with hatch(path, _ask, key="state"):
                pass
    assert not path.exists()


async def test_a_question_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    async with hatch(tmp_path / "s", _ask, key="state"):
        with pytest.raises(ValueError, match="that cannot be asked"):
            await _asked(tmp_path / "s", {"fault": 1})


async def test_where_no_relay_answers_there_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert await _asked(path, {}) is None
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(path))  # of one that was killed
    assert await _asked(path, {}) is None
    async with hatch(path, _ask, key="state"):
        assert await _asked(path, {}) is not None


async def test_a_second_relay_with_the_same_state_is_refused(tmp_path: Path) -> None:
    async with hatch(tmp_path / "s", _ask, key="state"):
        with pytest.raises(SettingsFault) as told:
            async with hatch(tmp_path / "s", _ask, key="state"):
                pass
        assert told.value.faults[0][0] == "state"
        assert "another relay" in told.value.faults[0][1]
        assert await _asked(tmp_path / "s", {}) is not None


@pytest.mark.parametrize("octets", [b"", b"\n", b"{\n", b"[1]\n", b"x" * 100_000 + b"\n"], ids=len)
async def test_nonsense_does_no_harm(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "s"
    async with hatch(path, _ask, key="state"):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(octets)
        writer.write_eof()
        assert b"question" not in await reader.read()
        writer.close()
        assert await _asked(path, {}) is not None


async def test_whoever_may_not_write_there_is_turned_away() -> None:
    needed("the right to become somebody else", found=os.getuid() == 0, remedy="run this test as root")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "s"
        Path(folder).chmod(0o755)
        async with hatch(path, _ask, key="state"):
            code = f"import socket; socket.socket(socket.AF_UNIX).connect({os.fspath(path)!r})"
            command = ["/usr/bin/env", "python3", "-c", code]
            done = await asyncio.to_thread(
                subprocess.run, command, user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True
            )
    assert b"PermissionError" in done.stderr
