"""What a 403 means: status, reason phrase and body, read as the family of routes words it."""

from datetime import UTC, datetime

import pytest

from relay.message.fields import Fields
from relay.message.head import ResponseHead
from relay.settings.words import Family, Wording
from relay.upstream import refusal
from relay.upstream.refusal import MOST_OCTETS, Cause, Facts, Readings, Refusal, Row, explanation

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


def classify(head: ResponseHead, beginning: bytes, wording: Wording, rows: Readings | None = None) -> Refusal:
    understood = refusal.classify(head, beginning, wording, rows=(rows or Readings()).rows)
    assert understood is not None
    return understood


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


@pytest.mark.parametrize(
    "body", [b'{"message": "forbidden.", "statusCode": 403}', b" \r\n", b"<html>x", b"<H2>403</H2>"]
)
def test_what_gateways_write_is_no_body_of_the_services_own(body: bytes) -> None:
    assert classify(ResponseHead(403, b"Forbidden", Fields()), body, GATEWAY).cause is ADDRESS


@pytest.mark.parametrize(
    "body",
    [
        b'{"statusCode":403,"message":"Partij is niet gemachtigd"}',
        b'{"statusCode":401,"message":"Forbidden"}',
        b'{"statusCode":403}',
        b'{"statusCode":403,"message":1}',
        b"[403]",
        b'{"statusCode":',
        b"[" * MOST_OCTETS,
        b"{" * MOST_OCTETS,
        b"\xff\xfe",
    ],
)
def test_what_they_do_not_write_is(body: bytes) -> None:
    assert classify(ResponseHead(403, b"Forbidden", Fields()), body, GATEWAY).cause is FUNCTIONAL


@pytest.mark.parametrize(
    ("status", "reason", "cause"),
    [
        (429, b"Too Many Requests", Cause.QUOTA),
        (429, b"", Cause.QUOTA),
        (400, b"Bad Request", FUNCTIONAL),
        (401, b"Unauthorized", FUNCTIONAL),
    ],
)
@pytest.mark.parametrize("wording", list(Wording))
@pytest.mark.parametrize("shape", SHAPES)
def test_other_statuses_that_refuse(wording: Wording, shape: str, status: int, reason: bytes, cause: Cause) -> None:
    fields, body = SHAPES[shape]
    assert classify(ResponseHead(status, reason, Fields(fields)), body, wording).cause is cause


@pytest.mark.parametrize("status", [404, 409, 422, 500, 502, 503, 504])
def test_a_fault_of_theirs_is_no_refusal(status: int) -> None:
    assert refusal.classify(ResponseHead(status, b"Forbidden", Fields()), b"", GATEWAY) is None
    assert status not in Readings().statuses


@pytest.mark.parametrize(("read", "cause"), BARE_MEANS.items(), ids=str)
def test_after_a_429_a_bare_403_reads_blocked(read: tuple[Wording, bytes], cause: Cause) -> None:
    wording, reason = read
    understood = refusal.classify(ResponseHead(403, reason, Fields()), b"", wording, after_quota=True)
    assert understood is not None
    assert understood.cause is (Cause.BLOCKED if cause is ADDRESS else cause)


def _row(**narrowing: object) -> Readings:
    return Readings([Row(cause=ADDRESS, statuses=frozenset((403,)), built_in=False, **narrowing)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "fits", "fits_not"),
    [
        (_row(reasons=frozenset((b"ip denied",))), (b"IP Denied", {}, b"x"), (b"IP Denied!", {}, b"x")),
        (
            _row(field=(b"x-edge", b"address")),
            (b"No", {b"X-Edge": b"refused: ADDRESS"}, b"x"),
            (b"No", {b"X-Edge": b"policy"}, b"x"),
        ),
        (_row(body=b"ip-adres"), (b"No", {}, b"<p>Uw IP-adres</p>"), (b"No", {}, b"<p>Uw adres</p>")),
        (
            _row(body=b"ip", reasons=frozenset((b"no",))),
            (b"no", {}, b"ip"),
            (b"yes", {}, b"ip"),
        ),
        (_row(body=b"ip"), (b"No", {}, b"x" * (MOST_OCTETS - 2) + b"ip"), (b"No", {}, b"x" * MOST_OCTETS + b"ip")),
    ],
)
def test_a_row_of_the_operators_own_goes_first_where_all_of_it_fits(
    row: Readings, fits: tuple[bytes, dict[bytes, bytes], bytes], fits_not: tuple[bytes, dict[bytes, bytes], bytes]
) -> None:
    reason, fields, body = fits
    understood = classify(ResponseHead(403, reason, Fields(fields.items())), body, GATEWAY, row)
    assert (understood.cause, understood.built_in) == (ADDRESS, False)
    reason, fields, body = fits_not
    understood = classify(ResponseHead(403, reason, Fields(fields.items())), body, GATEWAY, row)
    assert (understood.cause, understood.built_in) == (FUNCTIONAL, True)


def test_a_row_for_one_family_leaves_the_others_alone() -> None:
    rows = _row(body=b"x", families=frozenset((Family.IWLZ,))).rows
    head = ResponseHead(403, b"No", Fields())
    causes = {
        family: understood.cause
        for family in Family
        if (understood := refusal.classify(head, b"x", GATEWAY, family=family, rows=rows))
    }
    assert causes == {Family.IWLZ: ADDRESS, Family.SOAP: FUNCTIONAL, Family.MESSAGES: FUNCTIONAL}


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_has_an_explanation_that_names_the_facts(cause: Cause) -> None:
    good = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    told = explanation(cause, Facts(egress="192.0.2.9", certificate="4F2A", last_good=good))
    assert all(fact in told for fact in ("192.0.2.9", "4F2A", "2026-05-01 12:30:00 UTC"))
    unknown = explanation(cause, Facts(egress="192.0.2.9", certificate="", last_good=None))
    assert "no call is known to have gone well" in unknown
