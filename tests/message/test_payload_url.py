"""Of a list of messages the octets of an address that leads to VECOZO change, and not one other octet."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message.fields import Field, Fields
from relay.message.head import ResponseHead
from relay.message.payload_url import Rewritten, asks_for_list, may_be_rewritten, of_other_octets, rewritten

THEIRS = b"api.vecozo.nl"
OURS = b"relay.example:8443"


def _rewritten(body: bytes, theirs: bytes = THEIRS) -> Rewritten:
    return rewritten(body, authority=theirs, ours=OURS, leads=lambda path: path.startswith(b"/berichtenservice/"))


LIST = (
    b'[ {"traceerId":"1",\n\t"payload" : { "sha256":"ab", "url": "https://api.vecozo.nl/berichtenservice/1?a=%20#x",'
    b'"size":1.50e+2} , "x":"\\u00e9\xc3\xa9"},'
    b'{"payload":{"url":"https:\\/\\/API.vecozo.nl:443\\/berichtenservice\\/2"}}]\r\n'
)


def test_each_address_leads_to_us_and_all_else_is_as_it_was() -> None:
    expected = LIST.replace(b"api.vecozo.nl", OURS).replace(b"API.vecozo.nl:443", OURS)
    assert _rewritten(LIST) == Rewritten(expected, 2)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/berichtenservice/1",
        "https://api.vecozo.nl.elsewhere.example/berichtenservice/1",
        "https://api.vecozo.nl:444/berichtenservice/1",
        "https://user@api.vecozo.nl/berichtenservice/1",
        "http://api.vecozo.nl/berichtenservice/1",
        "https://api.vecozo.nl/portal",
        "https://api.vecozo.nl",
        "/berichtenservice/1",
        "see https://api.vecozo.nl/berichtenservice/1",
        "https://api.vecozo.nl/../berichtenservice/1",
        "",
    ],
)
def test_what_does_not_lead_from_vecozo_to_a_route_of_ours_stays(url: str) -> None:
    body = json.dumps([{"payload": {"url": url}}]).encode()
    assert _rewritten(body) == Rewritten(body, 0)


URL = b'"https://api.vecozo.nl/berichtenservice/1"'


@pytest.mark.parametrize(
    "body",
    [
        b'{"url":%b}',
        b'{"payload":%b}',
        b'{"payload":[%b]}',
        b'{"payload":["url",%b]}',
        b'{"payload":[{"url":%b}]}',
        b'{"payload":{"x":{"url":%b}}}',
        b'{"payload":{"url":{"x":%b}}}',
        b'{"payload":{"url":1,"x":%b}}',
        b'{"payload":{"url":["x",%b]}}',
        b'{"payload":{"x":"url","y":%b}}',
        b'{"payload":{"URL":%b}}',
        b'{"payload":{},"url":%b}',
        b'{"payload":{"a":1},"b":{"url":%b}}',
        b'{"x":"\\"payload\\":{\\"url\\":","y":%b}',
        b"%b",
    ],
)
def test_no_other_field_is_touched(body: bytes) -> None:
    whole = body % URL
    json.loads(whole)
    assert _rewritten(whole) == Rewritten(whole, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"payload":{"url":%b}}',
        b'{"berichten":[[{"payload":{"url":%b}}]]}',
        b'{"payload":{"x":[],"y":{},"z":null,"url":%b}}',
        b'{"payload":{"x":"}","y":"\\\\","url":%b}}',
        b'{"p\\u0061yload":{"\\u0075rl":%b}}',
        b'{"payload":{"payload":{"url":%b}}}',
    ],
)
def test_the_field_is_found_wherever_it_is(body: bytes) -> None:
    assert _rewritten(body % URL) == Rewritten(body % URL.replace(THEIRS, OURS), 1)


@pytest.mark.parametrize("body", [b"", b"{", LIST[:-4], LIST + b"]", b'{"payload":{"url":%b}} x' % URL, b"\xff" + LIST])
def test_what_is_no_json_stays(body: bytes) -> None:
    assert _rewritten(body) == Rewritten(body, 0)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(URL.decode().strip('"')),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["payload", "url", "a"]) | st.text(max_size=3), inner)
    ),
)


def _expected(value: object, within: object = None, name: object = None) -> object:
    if isinstance(value, dict):
        return {key: _expected(inner, name, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expected(inner) for inner in value]
    if isinstance(value, str) and (within, name) == ("payload", "url"):
        return value.replace(THEIRS.decode(), OURS.decode())
    return value


@given(_VALUES, st.sampled_from([None, 2]), st.booleans())
def test_any_document_reads_the_same_but_for_that_field(value: object, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    told = _rewritten(body)
    assert json.loads(told.body.decode("utf-8", "surrogatepass")) == _expected(value)
    assert told.body.replace(OURS, THEIRS) == body


@pytest.mark.parametrize(
    ("method", "path", "asks"),
    [
        (b"GET", b"/berichtenservice/berichten/rest-pull/v1/berichten", True),
        (b"POST", b"/berichtenservice/berichten/rest-pull/v1/berichten/zoeken", True),
        (b"GET", b"/berichtenservice/berichten/rest-pull/v1/berichten/1/payload", False),
        (b"POST", b"/berichtenservice/berichten/rest-push/v1/berichten", False),
        (b"DELETE", b"/berichtenservice/berichten/rest-pull/v1/berichten", False),
        (b"HEAD", b"/berichtenservice/berichten/rest-pull/v1/berichten", False),
    ],
)
def test_lists_are_two_requests_and_no_payload_is_one(method: bytes, path: bytes, asks: bool) -> None:
    assert asks_for_list(method, path) == asks


JSON: Field = (b"Content-Type", b"application/json; charset=utf-8")


@pytest.mark.parametrize(
    ("status", "fields", "may"),
    [
        (200, [JSON], True),
        (200, [(b"content-type", b"Application/JSON")], True),
        (200, [JSON, (b"Content-Encoding", b"identity")], True),
        (206, [JSON], False),
        (404, [JSON], False),
        (200, [], False),
        (200, [(b"Content-Type", b"application/octet-stream")], False),
        (200, [(b"Content-Type", b"application/jsonx")], False),
        (200, [(b"Content-Type", b"application/json; charset=utf-16")], False),
        (200, [JSON, (b"Content-Encoding", b"gzip")], False),
        (200, [JSON, (b"Cache-Control", b"private, No-Transform")], False),
    ],
)
def test_only_whole_plain_json_may_be_rewritten(status: int, fields: list[Field], may: bool) -> None:
    assert may_be_rewritten(ResponseHead(status, b"OK", Fields(fields))) == may


def test_what_told_of_the_octets_is_gone_and_a_strong_etag_is_weak() -> None:
    gone = [
        (b"Content-Length", b"9"),
        (b"Content-Digest", b"x"),
        (b"Repr-Digest", b"x"),
        (b"digest", b"x"),
        (b"Content-MD5", b"x"),
    ]
    head = ResponseHead(200, b"Fine", Fields([JSON, *gone, (b"ETag", b'"a"'), (b"Last-Modified", b"then")]))
    told = of_other_octets(head, 7)
    assert (told.status, told.reason) == (200, b"Fine")
    assert list(told.fields) == [JSON, (b"ETag", b'W/"a"'), (b"Last-Modified", b"then"), (b"Content-Length", b"7")]
    weak = ResponseHead(200, b"OK", Fields([(b"ETag", b'W/"a"')]))
    assert of_other_octets(weak, 1).fields.first(b"etag") == b'W/"a"'
