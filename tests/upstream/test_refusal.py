"""What a 403 means: status, reason phrase and body, read as the family of routes words it."""

import pytest

from relay.message.fields import Fields
from relay.message.head import ResponseHead
from relay.settings.words import Wording
from relay.upstream.refusal import Cause, classify

EMPTY = (((b"Content-Length", b"0"),), b"")
JSON = (((b"Content-Type", b"application/json"),), b'{ "statusCode": 403, "message": "Forbidden" }')
HTML = (((b"Content-Type", b"text/html"),), b"\r\n<!DOCTYPE html PUBLIC ...><html><h2>403</h2>")
BUSINESS = (((b"Content-Type", b"application/json"),), b'{"code":"X1","message":"niet toegestaan voor die partij"}')
TEXT = (((b"Content-Type", b"text/plain"),), b"policy denied")
SHAPES = {"empty": EMPTY, "json": JSON, "html": HTML, "business": BUSINESS, "text": TEXT}
BARE = ("empty", "json", "html")

ADDRESS, INVALID, FUNCTIONAL = Cause.ADDRESS_OR_BLOCKED, Cause.CERTIFICATE_INVALID, Cause.FUNCTIONAL
GATEWAY, PEP = Wording.GATEWAY, Wording.PEP

# (wording, reason) -> what it means when the body is bare; with a business body only the certificate's phrase counts.
BARE_MEANS = {
    (GATEWAY, b"Forbidden"): ADDRESS,
    (GATEWAY, b"Not Allowed"): ADDRESS,
    (GATEWAY, b"Invalid Client Certificate"): INVALID,
    (GATEWAY, b"Unauthorized"): FUNCTIONAL,
    (GATEWAY, b""): FUNCTIONAL,
    (PEP, b"Forbidden"): FUNCTIONAL,
    (PEP, b"Not Allowed"): ADDRESS,
    (PEP, b"Invalid Client Certificate"): INVALID,
    (PEP, b"Unauthorized"): FUNCTIONAL,
    (PEP, b""): FUNCTIONAL,
}


def _cause(wording: Wording, reason: bytes, shape: str) -> Cause:
    fields, body = SHAPES[shape]
    return classify(ResponseHead(403, reason, Fields(fields)), body, wording).cause


@pytest.mark.parametrize("shape", BARE)
@pytest.mark.parametrize(("read", "cause"), BARE_MEANS.items(), ids=str)
def test_a_bare_403_means_what_its_phrase_says(read: tuple[Wording, bytes], cause: Cause, shape: str) -> None:
    assert _cause(*read, shape) is cause


@pytest.mark.parametrize("shape", set(SHAPES) - set(BARE))
@pytest.mark.parametrize(("read", "cause"), BARE_MEANS.items(), ids=str)
def test_a_403_with_a_body_of_the_service_is_functional(read: tuple[Wording, bytes], cause: Cause, shape: str) -> None:
    assert _cause(*read, shape) is (INVALID if cause is INVALID else FUNCTIONAL)


@pytest.mark.parametrize("reason", [b"FORBIDDEN", b" forbidden ", b"not allowed"])
def test_phrases_are_read_whatever_their_case(reason: bytes) -> None:
    assert _cause(GATEWAY, reason, "empty") is ADDRESS


def test_a_body_that_only_begins_like_the_gateways_is_the_services_own() -> None:
    beginning = b'{"statusCode":403,"message":"Forbidden","policy":"wlz"}'
    assert classify(ResponseHead(403, b"Forbidden", Fields()), beginning, GATEWAY).cause is FUNCTIONAL


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_has_a_remedy_of_its_own(cause: Cause) -> None:
    remedies = {
        classify(ResponseHead(403, reason, Fields()), body, GATEWAY).cause: classify(
            ResponseHead(403, reason, Fields()), body, GATEWAY
        ).remedy
        for reason, body in ((b"Forbidden", b""), (b"Invalid Client Certificate", b""), (b"Forbidden", b"x"))
    }
    assert set(remedies) == set(Cause)
    assert len(set(remedies.values())) == len(Cause)
    assert remedies[cause]


def test_the_address_remedy_names_both_readings_because_vecozo_answers_both_alike() -> None:
    remedy = classify(ResponseHead(403, b"Forbidden", Fields()), b"", GATEWAY).remedy
    assert "register" in remedy
    assert "blocked" in remedy
