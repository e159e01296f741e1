"""The file of keys: one relay's alone, no longer than need be, and told with its remedy when it cannot be had."""

from pathlib import Path

import pytest

from relay.compose.relay import ledger as ledger_module
from relay.compose.relay.ledger import kept_receipts
from relay.errors import SettingsFault
from relay.gateway.ledger import Claim, Standing
from relay.settings.relay import Ledger

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
