"""Whom the gate trusts follows its files; what cannot be used changes nothing, and is told."""

import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from relay.enforcer.trust import TrustFault, TrustFiles, TrustInForce
from relay.observe.log import make_logger
from tests.kit import authority as kit


class Following:
    """Trust that follows two files in a folder, by a clock that stands still."""

    def __init__(self, folder: Path, revocations: bytes) -> None:
        self.now: datetime = kit.AT
        self.out = io.BytesIO()
        self.registry = CollectorRegistry()
        self.files = TrustFiles(authorities=folder / "authorities.pem", revocations=folder / "revocations.pem")
        self.files.authorities.write_bytes(kit.authority().trust_pem())
        self.write(revocations)
        self.kept = TrustInForce(
            self.files,
            self.files.read(),
            clock=lambda: self.now,
            log=make_logger(self.out),
            registry=self.registry,
        )

    def write(self, revocations: bytes) -> None:
        assert self.files.revocations is not None
        self.files.revocations.write_bytes(revocations)

    def revoked(self) -> bool:
        return self.kept.trust.revocations.hold(kit.system().certificate)

    def doubtful(self) -> float | None:
        return self.registry.get_sample_value("gate_trust_doubtful")

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.out.getvalue().splitlines()]


async def test_a_new_list_counts_once_it_is_there(tmp_path: Path) -> None:
    following = Following(tmp_path, kit.revocations())
    assert (following.revoked(), following.doubtful()) == (False, 0)
    following.write(kit.revocations(kit.system()))
    await following.kept.look()
    assert (following.revoked(), following.events()) == (True, ["revocations_read"])


@pytest.mark.parametrize("octets", [None, b"", b"nothing", kit.revocations(by=kit.foreign_authority().intermediate)])
async def test_a_list_that_cannot_be_used_changes_nothing_and_is_told(tmp_path: Path, octets: bytes | None) -> None:
    following = Following(tmp_path, kit.revocations(kit.system()))
    if octets is None:
        assert following.files.revocations is not None
        following.files.revocations.unlink()
    else:
        following.write(octets)
    await following.kept.look()
    await following.kept.look()
    assert (following.revoked(), following.doubtful(), following.events()) == (True, 1, ["trust_unusable"])
    following.write(kit.revocations())
    await following.kept.look()
    assert (following.revoked(), following.doubtful()) == (False, 0)


async def test_a_list_that_is_overdue_still_counts_and_is_told_once(tmp_path: Path) -> None:
    following = Following(tmp_path, kit.revocations(kit.system(), due=kit.AT + timedelta(days=1)))
    await following.kept.look()
    assert (following.doubtful(), following.events()) == (0, [])
    following.now = kit.AT + timedelta(days=1, seconds=1)
    for _ in range(2):
        await following.kept.look()
    assert (following.revoked(), following.doubtful(), following.events()) == (True, 1, ["revocations_overdue"])
    following.write(kit.revocations(kit.system(), due=following.now + timedelta(days=1)))
    await following.kept.look()
    assert following.doubtful() == 0


def test_an_authority_that_the_root_revoked_is_trusted_no_longer(tmp_path: Path) -> None:
    authority = kit.authority()
    lists = kit.revocations(authority.intermediate.certificate, by=authority.root)
    following = Following(tmp_path, lists)
    assert following.kept.trust.authorities == [authority.root.certificate]


def test_a_missing_file_is_named_by_its_setting(tmp_path: Path) -> None:
    files = TrustFiles(authorities=tmp_path / "none.pem", revocations=None)
    with pytest.raises(TrustFault) as caught:
        files.read()
    assert caught.value.key == "authorities"
