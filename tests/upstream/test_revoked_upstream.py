"""A server whose certificate was revoked: no call reaches it, on TLS 1.2 and 1.3, and the cause has its own name."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from relay.authority.signing import Holder
from relay.errors import RelayError, Sent, UpstreamRevoked
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.keeper import File, Lack
from relay.upstream.passport import Papers, Passport
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import ajar
from tests.kit.relay import PASSWORD, system_file

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["TLS 1.2", "TLS 1.3"])


def _files(folder: Path, lists: bytes | None, trust: bytes | None = None) -> KeptCertificate:
    (folder / "system.p12").write_bytes(system_file())
    (folder / "trust.pem").write_bytes(trust or authority.authority().trust_pem())
    if lists is not None:
        (folder / "upstream.crl").write_bytes(lists)
    return KeptCertificate(
        keeper=File(folder / "system.p12"),
        password_file=None,
        password=PASSWORD,
        trust=folder / "trust.pem",
        revocations=folder / "upstream.crl",
    )


def _passport(folder: Path, lists: bytes) -> Passport:
    """The passport as a worker makes it: of what the parent read."""
    papers = _files(folder, lists).passport(authority.AT).papers
    assert papers is not None
    return Papers.read(papers.octets()).passport()


def _showing(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = kit.upstream_context()
    context.minimum_version = context.maximum_version = version
    return context


def _root() -> Holder:
    return authority.authority().root


def _intermediate() -> x509.Certificate:
    return authority.authority().intermediate.certificate


# Lists after which a server that shows kit.server() is not called any more.
REVOKED = {
    "its own certificate": lambda: authority.revocations(authority.server()),
    "the one above it": lambda: authority.revocations(_intermediate(), by=_root()),
    "by a list that is overdue": lambda: authority.revocations(
        authority.server(), due=authority.AT - timedelta(days=1)
    ),
}


@VERSIONS
@pytest.mark.parametrize("lists", REVOKED.values(), ids=REVOKED)
async def test_a_revoked_server_is_sent_nothing(tmp_path: Path, version: ssl.TLSVersion, lists: object) -> None:
    assert callable(lists)
    async with (
        kit.running(context=_showing(version)) as upstream,
        ajar(tmp_path, upstream.port, shown=_passport(tmp_path, lists())) as out,
    ):
        with pytest.raises(RelayError) as told:
            await out.call("POST", b"x")
        assert type(told.value) is UpstreamRevoked, told.value.detail
        assert told.value.sent is Sent.NO
        assert (upstream.requests, bytes(upstream.octets)) == ([], b"")


@VERSIONS
async def test_a_server_that_is_not_on_the_list_is_called_also_when_the_list_is_overdue(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    lists = authority.revocations(authority.system(), due=authority.AT - timedelta(days=1))
    passport = _passport(tmp_path, lists)
    async with (
        kit.running(context=_showing(version)) as upstream,
        ajar(tmp_path, upstream.port, shown=passport) as out,
    ):
        assert (await out.fetch("POST", b"x"))[0].status == 200
    [doubt] = passport.revocations.doubts(authority.AT)
    assert "get a newer one" in doubt
    assert passport.revocations.doubts(authority.AT - timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("lists", "word"),
    [
        (None, "cannot be read"),
        (b"", "no readable"),
        (b"half of", "no readable"),
        (authority.revocations(by=authority.foreign_authority().root), "signed by none"),
    ],
    ids=["missing", "empty", "rubbish", "another authority's"],
)
def test_a_list_that_cannot_be_used_is_told_with_its_key(tmp_path: Path, lists: bytes | None, word: str) -> None:
    with pytest.raises(CertificateFault) as told:
        _files(tmp_path, lists).passport(authority.AT)
    assert told.value.key == "trust_revocations"
    assert "upstream.crl" in told.value.detail
    assert word in told.value.detail
    assert str(tmp_path) not in told.value.cause
    assert told.value.lack is not Lack.ABSENT  # for then it would be the next certificate that is not there yet


def test_a_changed_list_is_a_change_of_the_certificates_files(tmp_path: Path) -> None:
    files = _files(tmp_path, authority.revocations())
    before = files.stamp()
    (tmp_path / "upstream.crl").write_bytes(authority.revocations(authority.server()))
    assert files.stamp() != before
