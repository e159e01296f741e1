"""A changed certificate file: taken when it is good, told when it is not, and looked at only when it changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.door import Door
from relay.upstream.passport import Passport
from relay.upstream.watch import certificate_watch
from relay.x509.watch import FileWatch
from tests.kit import authority as kit
from tests.kit.door import EGRESS, PATIENCE
from tests.kit.relay import PASSWORD, system_file


@dataclass
class _News:
    heard: list[str] = field(default_factory=list)

    def taken(self, passport: Passport) -> None:
        self.heard.append(passport.serial)

    def refused(self, fault: CertificateFault) -> None:
        self.heard.append(fault.key)


@dataclass
class _Watched:
    file: Path
    door: Door
    news: _News
    watch: FileWatch[Passport, CertificateFault]
    files: CertificateFile


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[_Watched]:
    file, trust = tmp_path / "system.p12", tmp_path / "trust.pem"
    file.write_bytes(system_file())
    trust.write_bytes(kit.authority().trust_pem())
    files = CertificateFile(file=file, password_file=None, password=PASSWORD, trust=trust)
    seen = files.stamp()
    door = Door(files.passport(kit.AT), (EGRESS,), PATIENCE, lambda event: None)
    news = _News()
    yield _Watched(file, door, news, certificate_watch(files, door, news, seen=seen, now=lambda: kit.AT), files)
    door.close()


def _renewed() -> bytes:
    return kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1)).p12(PASSWORD)


async def test_a_new_certificate_is_used_without_a_restart(watched: _Watched) -> None:
    old = watched.door.passport.serial
    watched.file.write_bytes(_renewed())
    await watched.watch.look()
    assert watched.door.passport.serial != old
    assert watched.news.heard == [watched.door.passport.serial]


async def test_a_file_that_did_not_change_is_left_alone(watched: _Watched) -> None:
    passport = watched.door.passport
    await watched.watch.look()
    assert watched.door.passport is passport
    assert watched.news.heard == []


@pytest.mark.parametrize("octets", [b"", b"half of", system_file()[:-9]], ids=["empty", "rubbish", "half written"])
async def test_a_bad_file_changes_nothing_and_says_so_once(watched: _Watched, octets: bytes) -> None:
    passport = watched.door.passport
    watched.file.write_bytes(octets)
    await watched.watch.look()
    await watched.watch.look()
    assert watched.door.passport is passport
    assert watched.news.heard == ["certificate.file"]


async def test_a_file_that_vanishes_changes_nothing(watched: _Watched) -> None:
    passport = watched.door.passport
    watched.file.unlink()
    await watched.watch.look()
    assert watched.door.passport is passport
    assert watched.news.heard == ["certificate.file"]


async def test_a_bad_file_is_tried_again_once_it_changes(watched: _Watched) -> None:
    old = watched.door.passport.serial
    watched.file.write_bytes(b"half of")
    await watched.watch.look()
    watched.file.write_bytes(_renewed())
    await watched.watch.look()
    assert watched.news.heard == ["certificate.file", watched.door.passport.serial]
    assert watched.door.passport.serial != old


async def test_a_personal_certificate_never_takes_over(watched: _Watched) -> None:
    passport = watched.door.passport
    watched.file.write_bytes(kit.personal().p12(PASSWORD))
    await watched.watch.look()
    assert watched.door.passport is passport


async def test_a_file_that_changed_while_the_relay_was_starting_is_looked_at(watched: _Watched) -> None:
    """The stamp is that of before reading, so what changed in between differs from it."""
    watched.file.write_bytes(_renewed())
    watched.watch = certificate_watch(watched.files, watched.door, watched.news, seen=(), now=lambda: kit.AT)
    await watched.watch.look()
    assert watched.news.heard == [watched.door.passport.serial]
