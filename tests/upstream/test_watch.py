"""A changed certificate file: taken when it is good, told when it is not, and looked at only when it changed."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from relay.authority.issued import Issued
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.door import Door
from relay.upstream.keeper import File
from relay.upstream.passport import Passport
from relay.upstream.watch import certificate_watch
from relay.x509.watch import FileWatch
from tests.kit import authority as kit
from tests.kit.door import EGRESS, PATIENCE
from tests.kit.relay import PASSWORD, system_file


@dataclass
class _News:
    door: Door
    heard: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    def taken(self, passport: Passport) -> None:
        self.door.renew(passport)
        self.heard.append(passport.serial)

    def refused(self, fault: CertificateFault) -> None:
        self.heard.append(fault.key)
        self.details.append(fault.detail)


@dataclass
class _Watched:
    file: Path
    door: Door
    news: _News
    watch: FileWatch[Passport, CertificateFault]
    files: KeptCertificate


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[_Watched]:
    file, trust = tmp_path / "system.p12", tmp_path / "trust.pem"
    file.write_bytes(system_file())
    trust.write_bytes(kit.authority().trust_pem())
    files = KeptCertificate(keeper=File(file), password_file=None, password=PASSWORD, trust=trust)
    seen = files.stamp()
    door = Door(files.passport(kit.AT), (EGRESS,), PATIENCE, lambda event: None)
    news = _News(door)
    yield _Watched(file, door, news, certificate_watch(files, news, seen=seen, now=lambda: kit.AT), files)
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
    watched.watch = certificate_watch(watched.files, watched.news, seen=(), now=lambda: kit.AT)
    await watched.watch.look()
    assert watched.news.heard == [watched.door.passport.serial]


def _mount(folder: Path, name: str, **files: bytes) -> None:
    """Put files in place as Kubernetes does with a mounted secret: a folder of its own, and one link swapped to it."""
    version = folder / f"..{name}"
    version.mkdir()
    for file, octets in files.items():
        (version / file).write_bytes(octets)
        if not (folder / file).is_symlink():
            (folder / file).symlink_to(Path("..data") / file)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").replace(folder / "..data")


async def test_a_secret_that_kubernetes_swaps_is_taken_with_its_new_password(tmp_path: Path) -> None:
    """The files themselves never change: a link two levels up does, and certificate and password change at once."""
    folder = tmp_path / "secret"
    folder.mkdir()
    renewed = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1))
    _mount(folder, "2026_01", certificate=system_file(), password=PASSWORD.encode())
    files = KeptCertificate(
        keeper=File(folder / "certificate"), password_file=folder / "password", password=None, trust=None
    )
    news = _Heard()
    watch = certificate_watch(files, news, seen=files.stamp(), now=lambda: kit.AT)
    assert not await watch.look()
    _mount(folder, "2027_01", certificate=renewed.p12("another"), password=b"another\n")
    assert await watch.look()
    assert news.heard == [kit.fingerprint(renewed)]


@dataclass
class _Heard:
    heard: list[str] = field(default_factory=list)

    def taken(self, passport: Passport) -> None:
        self.heard.append(passport.fingerprint)

    def refused(self, fault: CertificateFault) -> None:
        self.heard.append(fault.key)


@pytest.mark.parametrize(
    ("issued", "word"),
    [(kit.expired, "expired"), (kit.not_yet_valid, "not valid yet"), (kit.server, "client authentication")],
)
async def test_a_certificate_that_is_no_good_today_never_takes_over(
    watched: _Watched, issued: Callable[[], Issued], word: str
) -> None:
    passport = watched.door.passport
    watched.file.write_bytes(issued().p12(PASSWORD))
    await watched.watch.look()
    assert watched.door.passport is passport
    assert word in watched.news.details[-1]


async def test_the_key_of_another_certificate_never_takes_over(watched: _Watched) -> None:
    passport, key = watched.door.passport, kit.other_system().key
    encryption = BestAvailableEncryption(PASSWORD.encode())
    data = pkcs12.serialize_key_and_certificates(None, key, None, [kit.system().certificate], encryption)
    watched.file.write_bytes(data)
    await watched.watch.look()
    assert watched.door.passport is passport
    assert "not the certificate that belongs to it" in watched.news.details[-1]


async def test_a_file_that_is_still_being_written_is_taken_once_it_is_whole(watched: _Watched) -> None:
    renewed, old = _renewed(), watched.door.passport.serial
    with watched.file.open("wb", buffering=0) as file:
        for begin in range(0, len(renewed), 500):
            file.write(renewed[begin : begin + 500])
            assert watched.door.passport.serial == old
            await watched.watch.look()
    assert watched.door.passport.serial != old
    assert set(watched.news.heard[:-1]) == {"certificate.file"}


async def test_what_was_refused_is_tried_again_when_told_to(watched: _Watched) -> None:
    """A certificate that was not valid yet may be so now, and its file has not changed since."""
    tomorrow = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT + timedelta(days=1))
    watched.file.write_bytes(tomorrow.p12(PASSWORD))
    now = kit.AT
    watch = certificate_watch(watched.files, watched.news, seen=(), now=lambda: now)
    await watch.look()
    now = kit.AT + timedelta(days=2)
    assert not await watch.look()
    assert await watch.look(again=True)
    assert not await watch.look(again=True)
    assert watched.news.heard == ["certificate.file", watched.door.passport.serial]
