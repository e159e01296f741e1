"""Client certificates: judged at every request, at the price of one examination each."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography import x509

from relay.auth import client_certificate
from relay.auth.caller import Caller
from relay.auth.client_certificate import ClientCertificates
from relay.auth.client_trust import ClientTrust
from relay.authority import profile
from relay.authority.authority import Authority
from relay.authority.issued import Issued
from relay.authority.signing import Holder, KeyType, new_key, sign
from relay.errors import (
    CallerUnknown,
    ClientCertificateExpired,
    ClientCertificateForeign,
    ClientCertificateNotYetValid,
    ClientCertificateRevoked,
    ClientCertificateUnreadable,
    ClientCertificateWrongPurpose,
    RelayError,
)
from relay.message.fields import Fields
from relay.message.head import RequestHead
from relay.x509.identity import readable
from relay.x509.verify import examine
from tests.kit import authority as kit

HEAD = RequestHead(b"POST", b"/", Fields())
SECOND = timedelta(seconds=1)
PINNED = Caller("pinned", frozenset(("linde",)), "client_certificate")
NAMED = Caller("named", frozenset(("linde",)), "client_certificate")


def trust(*, authority: Authority | None = None, revoked: bytes = b"") -> ClientTrust:
    return ClientTrust.of((authority or kit.authority()).trust_pem(), revoked)


def certificates(
    *pinned: Issued, subjects: tuple[Issued, ...] = (), trusted: ClientTrust | None = None
) -> ClientCertificates:
    return ClientCertificates(
        pinned={bytes.fromhex(kit.fingerprint(each)): PINNED for each in pinned},
        subjects={readable(each.certificate.subject): NAMED for each in subjects},
        trust=trusted or trust(),
    )


def told(judge: ClientCertificates, issued: Issued | bytes, at: datetime = kit.AT) -> Caller | type[RelayError]:
    """Return the caller that was proven, or the kind of refusal."""
    try:
        return judge.authenticate(HEAD, issued if isinstance(issued, bytes) else kit.der(issued), at)
    except RelayError as refused:
        return type(refused)


def selfmade(extensions: profile.Extensions | None = None) -> Issued:
    key = new_key(KeyType.P256)
    certificate = sign(
        kit.system().certificate.subject, key, issuer=None, not_before=kit.AT, days=1,
        extensions=extensions or profile.client(),
    )  # fmt: skip
    return Issued(certificate=certificate, key=key, chain=())


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (kit.system, NAMED),
        (kit.other_system, CallerUnknown),
        (kit.foreign, ClientCertificateForeign),
        (selfmade, ClientCertificateForeign),
        (kit.expired, ClientCertificateExpired),
        (kit.not_yet_valid, ClientCertificateNotYetValid),
        (kit.server, ClientCertificateWrongPurpose),
        (lambda: b"no certificate", ClientCertificateUnreadable),
        (lambda: b"", ClientCertificateUnreadable),
    ],
)
def test_by_subject_the_authority_and_the_whole_subject_have_to_be_right(
    issued: Callable[[], Issued | bytes], expected: Caller | type[RelayError]
) -> None:
    judge = certificates(subjects=(kit.system(), kit.server()))
    assert [told(judge, issued()) for _ in range(2)] == [expected] * 2


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (kit.system, PINNED),
        (kit.foreign, PINNED),
        (selfmade, PINNED),
        (kit.expired, ClientCertificateExpired),
        (kit.not_yet_valid, ClientCertificateNotYetValid),
        (kit.server, ClientCertificateWrongPurpose),
        (lambda: selfmade(profile.server(["a.example"], [])), ClientCertificateWrongPurpose),
    ],
)
def test_a_pinned_certificate_needs_no_authority_but_dates_and_purpose(
    issued: Callable[[], Issued], expected: Caller | type[RelayError]
) -> None:
    shown = issued()
    judge = certificates(shown)
    assert [told(judge, shown) for _ in range(2)] == [expected] * 2
    assert told(judge, selfmade()) is ClientCertificateForeign


def test_a_pin_goes_before_a_subject() -> None:
    assert told(certificates(kit.system(), subjects=(kit.system(),)), kit.system()) is PINNED


def test_dates_are_judged_at_every_request() -> None:
    judge = certificates(subjects=(kit.system(),))
    begin, end = kit.system().certificate.not_valid_before_utc, kit.system().certificate.not_valid_after_utc
    moments = [begin - SECOND, begin, end, end + SECOND, begin]
    assert [told(judge, kit.system(), at) for at in moments] == [
        ClientCertificateNotYetValid, NAMED, NAMED, ClientCertificateExpired, NAMED,
    ]  # fmt: skip


def test_a_certificate_that_outlives_its_authority_counts_until_that_ends() -> None:
    """What was found of it is kept, but not longer than any authority lives."""
    short = Authority.create(at=kit.AT, name="Short")
    ending = kit.AT + timedelta(days=3)
    intermediate = sign(
        short.intermediate.certificate.subject, short.intermediate.key, issuer=short.root,
        not_before=kit.AT - timedelta(days=1), days=4, extensions=profile.authority(path_length=0),
    )  # fmt: skip
    holder = Holder(certificate=intermediate, key=short.intermediate.key)
    authority = Authority(root=short.root, intermediate=holder)
    shown = authority.issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT)
    judge = certificates(subjects=(shown,), trusted=trust(authority=authority))
    moments = [kit.AT, ending, ending + SECOND / 2, ending + SECOND, ending]
    assert [told(judge, shown, at) for at in moments] == [NAMED, NAMED, NAMED, ClientCertificateForeign, NAMED]


def test_one_that_is_revoked_counts_no_more_from_the_next_request_on_and_again_after_a_newer_list() -> None:
    judge = certificates(kit.other_system(), subjects=(kit.system(),))
    assert told(judge, kit.system()) is NAMED
    judge.use(trust(revoked=kit.revocations(kit.system(), kit.other_system())))
    assert told(judge, kit.system()) is ClientCertificateRevoked
    assert told(judge, kit.other_system()) is ClientCertificateRevoked, "a pin is no way around its authority"
    judge.use(trust(revoked=kit.revocations()))
    assert told(judge, kit.system()) is NAMED


def test_other_authorities_count_from_the_next_request_on() -> None:
    judge = certificates(subjects=(kit.system(),))
    assert told(judge, kit.system()) is NAMED
    judge.use(trust(authority=kit.foreign_authority()))
    assert told(judge, kit.system()) is ClientCertificateForeign
    assert told(judge, kit.foreign()) is NAMED


def test_a_revoked_authority_takes_what_it_issued_with_it() -> None:
    by = kit.authority().root
    revoked = kit.revocations(kit.authority().intermediate.certificate, by=by)
    judge = certificates(subjects=(kit.system(),), trusted=trust(revoked=revoked))
    assert told(judge, kit.system()) is ClientCertificateForeign


@pytest.mark.parametrize(("size", "expected"), [(15_000, PINNED), (17_000, ClientCertificateUnreadable)])
def test_a_certificate_too_long_to_be_one_is_not_looked_into(size: int, expected: Caller | type[RelayError]) -> None:
    filling = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(size))
    shown = selfmade([*profile.client(), (filling, False)])
    assert told(certificates(shown), shown) is expected


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The certificates that were examined, each time."""
    seen: list[bytes] = []

    def counted(leaf_der: bytes, **rest: object) -> object:
        seen.append(leaf_der)
        return examine(leaf_der, **rest)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(client_certificate, "examine", counted)
    return seen


@pytest.mark.parametrize("issued", [kit.system, kit.foreign, kit.expired])
def test_a_certificate_is_examined_once(issued: Callable[[], Issued], examined: list[bytes]) -> None:
    judge = certificates(subjects=(kit.system(),))
    for _ in range(5):
        told(judge, bytes(bytearray(kit.der(issued()))))  # as a new connection brings it
    assert len(examined) == 1


def test_strangers_take_bounded_room_and_push_no_client_out(
    examined: list[bytes],
) -> None:
    judge = certificates(subjects=(kit.system(),))
    told(judge, kit.system())
    for number in range(1500):
        told(judge, b"stranger %d" % number)
    assert (len(judge._known), len(judge._strangers)) == (1, 256)
    told(judge, kit.system())
    assert examined.count(kit.der(kit.system())) == 1


def test_a_stranger_with_the_subject_of_a_client_is_a_stranger() -> None:
    judge = certificates(subjects=(kit.system(),))
    told(judge, kit.system())
    told(judge, kit.foreign())
    assert (len(judge._known), len(judge._strangers)) == (1, 1)


def test_what_a_refusal_says_is_never_what_the_certificate_says() -> None:
    """Its holder may have written anything there."""
    judge = certificates(subjects=(kit.system(),))
    for issued in (kit.foreign, kit.expired, kit.server, kit.other_system):
        with pytest.raises(RelayError) as refused:
            judge.authenticate(HEAD, kit.der(issued()), kit.AT)
        assert "validation" not in refused.value.detail, "the verifier's words"
        said = issued().certificate
        for value in (*said.subject, *said.issuer):
            assert len(str(value.value)) < 3 or str(value.value) not in refused.value.detail
