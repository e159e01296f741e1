"""The file of keys: one relay's alone, no longer than need be, and told with its remedy when it cannot be had."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from relay.compose.relay import ledger as ledger_module
from relay.compose.relay.ledger import kept_receipts
from relay.errors import SettingsFault
from relay.gateway.ledger import Claim, Standing, Verdict
from relay.settings.relay import Ledger
from tests.kit.door import until

AT = 1_800_000_000.0


def _claim(number: int) -> Claim:
    return Claim(b"%016d" % number, b"c" * 16, b"b" * 16)


def test_a_file_in_use_by_another_relay_is_told(tmp_path: Path) -> None:
    settings = Ledger(file=tmp_path / "keys")
    with (
        kept_receipts(settings),
        pytest.raises(SettingsFault, match="in use by another relay"),
        kept_receipts(settings),
    ):
        pass
    with kept_receipts(settings):
        pass  # it is free again


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsFault, match=r"ledger\.file: .* cannot be written"),
        kept_receipts(Ledger(file=tmp_path / "nowhere" / "keys")),
    ):
        pass


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_SURPLUS", 20)
    settings = Ledger(file=tmp_path / "keys")
    with kept_receipts(settings) as receipts:
        receipts.claim(_claim(0), 1, AT)
        receipts.settle(_claim(0).key, 1, Standing.ANSWERED, 200, AT)
        for number in range(1, 200):
            receipts.claim(_claim(number), 1, AT)
            receipts.settle(_claim(number).key, 1, Standing.FREE, 0, AT)
            assert len((tmp_path / "keys").read_bytes().splitlines()) < 30
        receipts.claim(_claim(1), 1, AT)
    with kept_receipts(settings) as receipts:
        assert receipts.claim(_claim(0), 1, AT).status == 200
        assert receipts.claim(_claim(1), 1, AT).standing is Standing.UNKNOWN
        assert receipts.claim(_claim(2), 1, AT).standing is Standing.FREE


def test_a_line_that_the_disk_had_no_room_for_is_not_promised_and_spoils_no_other(tmp_path: Path) -> None:
    class Full:
        """A file that takes a part of a line and then nothing, until there is room again."""

        def __init__(self, path: Path) -> None:
            self.file = path.open("ab", buffering=0)
            self.room = 10

        def write(self, octets: bytes) -> int:
            if not self.room:
                raise OSError
            taken, self.room = octets[: self.room], 0
            return self.file.write(taken) or 0

        def close(self) -> None:
            self.file.close()

    kept = ledger_module._ReceiptFile(tmp_path / "keys")
    kept._file.close()
    kept._file = full = Full(tmp_path / "keys")  # type: ignore[assignment]  # of which it writes to and closes
    assert not kept.write(b"the first line\n")
    assert not kept.write(b"the second line\n")
    full.room = 100
    assert kept.write(b"the third line\n")
    assert list(kept.lines()) == [b"the first \n", b"the third line\n"]
    kept.close()


@dataclass
class Disk:
    """Holds each sync until it is let go, and says what became of it."""

    slow: threading.Event = field(default_factory=threading.Event)
    fault: OSError | None = None
    synced: list[int] = field(default_factory=list)

    def sync(self, file: int) -> None:
        self.synced.append(os.fstat(file).st_size)
        self.slow.wait(10)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    yield disk
    disk.slow.set()


async def test_a_key_is_promised_once_it_is_on_the_disk_and_nobody_else_waits_for_that(
    tmp_path: Path, disk: Disk
) -> None:
    heard: list[Verdict] = []
    with kept_receipts(Ledger(file=tmp_path / "keys")) as receipts:
        receipts.ask(_claim(0), 1, AT, heard.append)
        await until(lambda: disk.synced)
        assert disk.synced[0] > 0, "its line was there before the sync"
        receipts.ask(_claim(0), 1, AT, heard.append)  # who gets no promise needs no disk
        assert [each.standing for each in heard] == [Standing.IN_PROGRESS]
        disk.slow.set()
        await until(lambda: len(heard) == 2)
        assert heard[1].standing is Standing.FREE


async def test_those_who_ask_while_the_disk_is_busy_share_the_next_sync(tmp_path: Path, disk: Disk) -> None:
    heard: list[Verdict] = []
    with kept_receipts(Ledger(file=tmp_path / "keys")) as receipts:
        receipts.ask(_claim(0), 1, AT, heard.append)
        await until(lambda: disk.synced)
        for number in range(1, 100):
            receipts.ask(_claim(number), 1, AT, heard.append)
        await asyncio.sleep(0.05)
        assert len(disk.synced) == 1, "one at a time"
        disk.slow.set()
        await until(lambda: len(heard) == 100)
    assert {each.standing for each in heard} == {Standing.FREE}
    assert len(disk.synced) == 2


async def test_where_the_disk_fails_nothing_is_promised_and_all_is_written_anew(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Verdict] = []
    disk.slow.set()
    anew: list[Path] = []
    replace = Path.replace

    def replaced(path: Path, other: Path) -> Path:
        anew.append(path)
        return replace(path, other)

    monkeypatch.setattr(Path, "replace", replaced)
    with kept_receipts(Ledger(file=tmp_path / "keys")) as receipts:
        assert len(anew) == 1  # as it begins
        disk.fault = OSError(5, "Input/output error")
        receipts.ask(_claim(0), 1, AT, heard.append)
        await until(lambda: len(heard) == 1)
        assert (heard[0].standing, len(receipts)) == (Standing.AWAY, 0)
        disk.fault = None
        receipts.ask(_claim(0), 1, AT, heard.append)
        await until(lambda: len(heard) == 2)
        assert heard[1].standing is Standing.FREE
        assert len(anew) == 2, "what the kernel had forgotten is there again"


def test_a_file_written_anew_is_on_the_disk_before_it_takes_the_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(file: int) -> None:
        steps.append("folder" if Path(f"/proc/self/fd/{file}").is_dir() else "file")
        fsync(file)

    def replaced(path: Path, other: Path) -> Path:
        steps.append("name")
        return replace(path, other)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    with kept_receipts(Ledger(file=tmp_path / "keys")):
        assert steps == ["file", "name", "folder"]


async def test_without_a_file_there_is_nothing_to_wait_for(disk: Disk) -> None:
    heard: list[Verdict] = []
    with kept_receipts(Ledger()) as receipts:
        receipts.ask(_claim(0), 1, AT, heard.append)
    assert [each.standing for each in heard] == [Standing.FREE]
    await asyncio.sleep(0)
    assert disk.synced == []


async def test_what_waits_while_a_sync_fails_is_promised_only_once_the_file_is_written_anew(
    tmp_path: Path, disk: Disk
) -> None:
    """The kernel may have forgotten it with what came before it, and says of that but once."""
    heard: dict[int, Verdict] = {}
    with kept_receipts(Ledger(file=tmp_path / "keys")) as receipts:
        disk.fault = OSError(5, "Input/output error")
        receipts.ask(_claim(0), 1, AT, partial(heard.__setitem__, 0))
        await until(lambda: disk.synced)
        receipts.ask(_claim(1), 1, AT, partial(heard.__setitem__, 1))
        (tmp_path / "keys.new").mkdir()  # nor can it be written anew
        disk.slow.set()
        await until(lambda: len(heard) == 2)
        assert [heard[each].standing for each in range(2)] == [Standing.AWAY] * 2
        assert len(disk.synced) == 1, "a second one might succeed, and prove nothing"
        (tmp_path / "keys.new").rmdir()
        receipts.ask(_claim(2), 1, AT, partial(heard.__setitem__, 2))
        disk.fault = None
        await until(lambda: len(heard) == 3)
        assert heard[2].standing is Standing.FREE
    with kept_receipts(Ledger(file=tmp_path / "keys")) as receipts:
        assert [receipts.claim(_claim(each), 1, AT).standing for each in range(3)] == [
            Standing.FREE, Standing.FREE, Standing.UNKNOWN,
        ]  # fmt: skip
