"""The log: one JSON line for each exchange, with bounded words and numbers only."""

import io
from datetime import UTC, datetime

import orjson

from relay.errors import Sent
from relay.observe.exchange import Exchange, Journals, Source
from relay.observe.log import ExchangeLog, make_logger

AT = datetime(2026, 5, 1, 12, 0, 0, 5000, tzinfo=UTC)
FULL = Exchange(
    id="abc", at=AT, peer="192.0.2.1", method="POST", client="dynamics", way="api_key", tenant="linde",
    environment="acceptance", route="cov", status=403, upstream_status=403, source=Source.UPSTREAM,
    cause="address_or_blocked", remedy="Register it.", sent=Sent.YES, seconds=0.0123456, upstream_seconds=0.01,
    bytes_in=5, bytes_out=7, egress="192.0.2.9", certificate="AB12", upstream="192.0.2.20", reused=True,
)  # fmt: skip


def _line(exchange: Exchange) -> dict[str, object]:
    out = io.BytesIO()
    ExchangeLog(out).note(exchange)
    assert out.getvalue().count(b"\n") == 1
    line = orjson.loads(out.getvalue())
    assert isinstance(line, dict)
    return line


def test_a_line_tells_the_exchange() -> None:
    assert _line(FULL) == {
        "event": "exchange", "timestamp": "2026-05-01T12:00:00.005000Z", "level": "warning", "id": "abc",
        "client": "dynamics", "way": "api_key", "peer": "192.0.2.1", "tenant": "linde", "environment": "acceptance",
        "route": "cov", "method": "POST", "status": 403, "source": "upstream", "sent": "true", "ms": 12.35,
        "upstream_status": 403, "upstream_ms": 10.0, "bytes_in": 5, "bytes_out": 7, "egress": "192.0.2.9",
        "certificate": "AB12", "upstream": "192.0.2.20", "reused": True, "cause": "address_or_blocked",
        "remedy": "Register it.",
    }  # fmt: skip


def test_a_call_without_a_cause_is_no_warning_and_says_nothing_of_remedies() -> None:
    line = _line(Exchange(id="abc", at=AT, peer="192.0.2.1", method="GET", status=200))
    assert line["level"] == "info"
    assert not {"cause", "remedy"} & set(line)


def test_a_call_that_went_out_again_names_both_addresses() -> None:
    known = {"egress": "192.0.2.10", "refused_egress": "192.0.2.9", "again": "passed"}
    line = _line(Exchange(id="abc", at=AT, peer="192.0.2.1", method="GET", status=200, **known))
    assert line["level"] == "info"
    assert known.items() <= line.items()
    assert not {"refused_egress", "again"} & set(_line(FULL))


def test_who_is_behind_a_call_and_what_a_policy_would_refuse_are_told_where_there_is_anything_to_tell() -> None:
    known = {"actor": "6f9d", "would_refuse": "methods"}
    line = _line(Exchange(id="abc", at=AT, peer="192.0.2.1", method="GET", status=200, **known))
    assert line["level"] == "info"
    assert known.items() <= line.items()
    assert not set(known) & set(_line(FULL))


def test_an_exchange_has_no_room_for_a_path_a_query_a_body_or_a_secret() -> None:
    """Whoever adds a field here has to think of what may stand in it."""
    assert {name for name in dir(FULL) if not name.startswith("_")} == {
        "id", "at", "peer", "method", "client", "way", "credential", "tenant", "environment", "route", "status",
        "upstream_status", "source", "cause", "refusal", "explanation", "remedy",
        "sent", "seconds", "upstream_seconds", "bytes_in", "bytes_out", "egress",
        "certificate", "upstream", "reused", "refused_egress", "again", "actor", "would_refuse",
    }  # fmt: skip


def test_events_are_lines_of_json_as_well() -> None:
    out = io.BytesIO()
    make_logger(out).info("ready", port=8443)
    line = orjson.loads(out.getvalue())
    assert (line["event"], line["level"], line["port"]) == ("ready", "info", 8443)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_debugging_talk_stays_out_of_the_log() -> None:
    out = io.BytesIO()
    make_logger(out).debug("body", octets="...")
    assert out.getvalue() == b""


def test_several_journals_each_hear_of_an_exchange() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    Journals((ExchangeLog(one), ExchangeLog(other))).note(FULL)
    assert one.getvalue() == other.getvalue() != b""


def test_an_exception_is_told_by_its_kind_and_place_and_never_by_its_words() -> None:
    out = io.BytesIO()
    try:
        int("999979668x")
    except ValueError as error:
        make_logger(out).error("internal_fault", exc_info=error)
    line = orjson.loads(out.getvalue())
    assert line["kind"] == "ValueError"
    assert line["where"].startswith("test_an_exception_is_told")
    assert b"999979668" not in out.getvalue()
