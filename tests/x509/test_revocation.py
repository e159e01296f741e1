"""Revocation lists: whole, plain and signed by an authority that is trusted, or none at all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from relay.x509.revocation import Revocations, RevocationsFault, read_revocations
from tests.kit import authority as kit


def read(octets: bytes) -> Revocations:
    return read_revocations(octets, authorities=kit.authority().certificates)


def test_what_is_listed_is_revoked_and_nothing_else() -> None:
    revoked = read(kit.revocations(kit.system()))
    assert revoked.hold(kit.system().certificate)
    assert not revoked.hold(kit.other_system().certificate)


def test_a_number_of_another_issuer_is_another_certificate() -> None:
    revoked = read(kit.revocations(kit.system(), by=kit.authority().root))
    assert not revoked.hold(kit.system().certificate)


def test_several_lists_stand_in_one_file_with_anything_around_them() -> None:
    lists = kit.revocations(kit.system()), kit.revocations(kit.other_system(), by=kit.authority().root)
    revoked = read(b"# ours\n" + b"\n# theirs\n".join(lists))
    assert len(revoked.revoked) == 2
    assert len(revoked.due) == 2


def test_a_list_may_be_der() -> None:
    der = x509.load_pem_x509_crl(kit.revocations(kit.system())).public_bytes(Encoding.DER)
    assert read(der).hold(kit.system().certificate)


def test_a_list_that_should_have_been_replaced_still_counts_and_tells_when() -> None:
    due = kit.AT - timedelta(days=1)
    revoked = read(kit.revocations(kit.system(), due=due))
    assert revoked.hold(kit.system().certificate)
    assert [moment for _, moment in revoked.due] == [due]


def _forged() -> bytes:
    """A list of the right issuer's name under another key."""
    twin = kit.foreign_authority().intermediate
    named = x509.CertificateRevocationListBuilder().issuer_name(kit.authority().intermediate.certificate.subject)
    crl = named.last_update(kit.AT - timedelta(days=1)).next_update(kit.AT).sign(twin.key, SHA256())
    return crl.public_bytes(Encoding.PEM)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no readable"),
    "rubbish": (lambda: b"half of", "no readable"),
    "a certificate": (lambda: kit.system().chain_pem(), "no readable"),
    "cut off": (lambda: kit.revocations(kit.system())[:-40], "no readable"),
    "a good one, and one cut off": (lambda: kit.revocations() + kit.revocations()[:-40], "no readable"),
    "of a stranger": (lambda: kit.revocations(by=kit.foreign_authority().intermediate), "signed by none"),
    "forged": (_forged, "signed by none"),
    "changes only": (lambda: kit.revocations(extension=x509.DeltaCRLIndicator(1)), "not a whole"),
    "one good, one bad": (
        lambda: kit.revocations() + kit.revocations(by=kit.foreign_authority().intermediate),
        "signed by none",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_list_is_refused_as_a_whole(case: str) -> None:
    octets, says = BAD[case]
    with pytest.raises(RevocationsFault, match=says):
        read(octets())
