"""The verdict on a caller, without any socket: certificate first, then the book, each with its nearest miss."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from immutables import Map

from relay.authority.issued import Issued
from relay.enforcer.places import NOWHERE, Place
from relay.enforcer.trust import Trust
from relay.enforcer.verdict import Admitted, Passage, Refusal, Refused, Verdict, judge
from relay.registry.domain import rules
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service
from relay.registry.domain.rules import Because
from relay.registry.domain.snapshot import Snapshot
from relay.x509.revocation import read_revocations
from tests.kit import authority as kit
from tests.kit.gate import book

TRUST = Trust(authorities=kit.authority().certificates)
HERE, ELSEWHERE = IPv4Address("203.0.113.7"), IPv4Address("203.0.113.8")
BOOK = book([kit.system()], [str(HERE)])


def judged(
    caller: Issued | None, address: IPv4Address = HERE, snapshot: Snapshot = BOOK, place: Place = NOWHERE
) -> Passage:
    der = None if caller is None else caller.certificate.public_bytes(Encoding.DER)
    return judge(der, address, trust=TRUST, snapshot=snapshot, at=kit.AT, place=place)


def test_a_known_certificate_at_a_registered_address_passes_and_is_named() -> None:
    passage = judged(kit.system())
    assert passage.verdict == Admitted(Because.REGISTERED)
    assert passage.identity is not None
    assert (passage.identity.user_number, passage.address, passage.at) == (kit.USER_NUMBER, HERE, kit.AT)


@pytest.mark.parametrize(
    ("caller", "refusal"),
    [
        (kit.foreign, Refusal.CERTIFICATE_FOREIGN),
        (kit.expired, Refusal.CERTIFICATE_EXPIRED),
        (kit.not_yet_valid, Refusal.CERTIFICATE_NOT_YET_VALID),
        (kit.server, Refusal.CERTIFICATE_WRONG_PURPOSE),
        (kit.personal, Refusal.CERTIFICATE_PERSONAL),
    ],
)
def test_an_unfit_certificate_is_refused_though_the_book_knows_it(
    caller: Callable[[], Issued], refusal: Refusal
) -> None:
    # The entry names it a valid system certificate: the certificate itself must be what counts.
    passage = judged(caller(), snapshot=book([caller()], [str(HERE)]))
    assert passage.verdict == Refused(refusal)
    assert passage.identity is not None


def test_no_certificate_is_refused_as_missing() -> None:
    passage = judged(None)
    assert (passage.verdict, passage.identity) == (Refused(Refusal.CERTIFICATE_MISSING), None)


def test_bytes_that_are_no_certificate_are_refused_as_unreadable() -> None:
    passage = judge(b"\x30\x00", HERE, trust=TRUST, snapshot=BOOK, at=kit.AT)
    assert passage.verdict == Refused(Refusal.CERTIFICATE_UNREADABLE)


def test_a_certificate_that_the_book_does_not_know_is_refused() -> None:
    assert judged(kit.system(), snapshot=book([])).verdict == Refused(Refusal.CERTIFICATE_UNKNOWN)


def test_a_revoked_certificate_is_refused_before_its_address_is_looked_at() -> None:
    ((fingerprint, certificate),) = BOOK.certificates.items()
    revoked = replace(BOOK, certificates=Map({fingerprint: replace(certificate, revoked_at=kit.AT)}))
    assert judged(kit.system(), ELSEWHERE, revoked).verdict == Refused(Refusal.CERTIFICATE_REVOKED)


def test_an_unregistered_address_is_refused() -> None:
    assert judged(kit.system(), ELSEWHERE).verdict == Refused(Refusal.ADDRESS_UNKNOWN)


def test_before_enforcement_an_unregistered_address_passes_and_is_noted() -> None:
    early = book([kit.system()], enforced_from=kit.AT + timedelta(seconds=1))
    verdict = judged(kit.system(), snapshot=early).verdict
    assert verdict == Admitted(Because.BEFORE_ENFORCEMENT, otherwise=Refusal.ADDRESS_UNKNOWN)


def test_every_reason_of_the_book_is_a_refusal_of_the_gate() -> None:
    assert {reason.value for reason in rules.Reason} <= {refusal.value for refusal in Refusal}


@pytest.mark.parametrize(
    ("environment", "service", "expected"),
    [
        (Environment.TEST, Service.COV, Admitted(Because.REGISTERED)),
        (Environment.PRODUCTION, Service.COV, Refused(Refusal.CERTIFICATE_OTHER_ENVIRONMENT)),
        (Environment.TEST, Service.CLAIMS, Refused(Refusal.SERVICE_NOT_AUTHORISED)),
        (None, None, Admitted(Because.REGISTERED)),
    ],
)
def test_environment_and_service_count_where_the_call_tells_them(
    environment: Environment | None, service: Service | None, expected: Verdict
) -> None:
    snapshot = book([kit.system()], [str(HERE)], services=[Service.COV])
    place = Place(environment=environment, service=service)
    assert judged(kit.system(), snapshot=snapshot, place=place).verdict == expected


def test_whose_certificate_it_is_the_book_says() -> None:
    assert judged(kit.system()).holder == "praktijk-voorbeeld"
    assert judged(kit.system(), snapshot=book([])).holder is None


def test_a_certificate_that_its_authority_revoked_is_refused_though_the_book_knows_nothing_of_it() -> None:
    revoked = read_revocations(kit.revocations(kit.system()), authorities=TRUST.authorities)
    trust = Trust(authorities=TRUST.authorities, revocations=revoked)
    passage = judge(kit.der(kit.system()), HERE, trust=trust, snapshot=BOOK, at=kit.AT)
    assert passage.verdict == Refused(Refusal.CERTIFICATE_REVOKED)
    other = book([kit.other_system()], [str(HERE)])
    assert judge(kit.der(kit.other_system()), HERE, trust=trust, snapshot=other, at=kit.AT).verdict == Admitted(
        Because.REGISTERED
    )
