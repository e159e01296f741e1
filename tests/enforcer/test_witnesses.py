"""Every passage is written down and counted, with nothing in it that a caller made up."""

import io
import json
from datetime import UTC, datetime
from ipaddress import IPv4Address

from prometheus_client import CollectorRegistry

from relay.enforcer.verdict import Admitted, Passage, Refusal, Refused, Verdict
from relay.enforcer.witnesses import AuditLog, Counters
from relay.registry.domain.rules import Because
from relay.x509.identity import Identity, identify
from tests.kit import authority as kit

AT = datetime(2026, 3, 15, 12, 0, 0, 250000, tzinfo=UTC)
SERVICE = "/tst/cov/vz801802/v1/soap11"
REFUSED = Refused(Refusal.ADDRESS_UNKNOWN)


def passage(verdict: Verdict, identity: Identity | None = None) -> Passage:
    return Passage(at=AT, address=IPv4Address("203.0.113.7"), identity=identity, verdict=verdict)


def written(seen: Passage) -> dict[str, object]:
    stream = io.BytesIO()
    AuditLog(stream).see(seen, method="POST", service=SERVICE)
    (line,) = stream.getvalue().splitlines(keepends=True)
    assert line.endswith(b"\n")
    return dict(json.loads(line))


def test_the_audit_line_tells_who_what_when_from_where_and_the_result() -> None:
    identity = identify(kit.system().certificate)
    assert written(passage(REFUSED, identity)) == {
        "event": "passage",
        "timestamp": "2026-03-15T12:00:00.250000Z",
        "address": "203.0.113.7",
        "user_number": kit.USER_NUMBER,
        "organisation": kit.ORGANISATION,
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
        "method": "POST",
        "service": SERVICE,
        "verdict": "refused",
        "reason": "address_unknown",
    }


def test_a_pass_before_enforcement_notes_what_it_will_be() -> None:
    line = written(passage(Admitted(Because.BEFORE_ENFORCEMENT, Refusal.ADDRESS_UNKNOWN)))
    assert (line["verdict"], line["reason"]) == ("admitted", "before_enforcement")
    assert line["otherwise"] == "address_unknown"


def test_a_caller_without_certificate_has_a_line_too() -> None:
    line = written(passage(Refused(Refusal.CERTIFICATE_MISSING)))
    assert (line["reason"], line["address"], "user_number" in line) == ("certificate_missing", "203.0.113.7", False)


def count(registry: CollectorRegistry, verdict: str, reason: str) -> float | None:
    return registry.get_sample_value("gate_calls_total", {"verdict": verdict, "reason": reason})


def test_calls_are_counted_by_verdict_and_reason() -> None:
    registry = CollectorRegistry()
    counters = Counters(registry)
    for verdict in (REFUSED, REFUSED, Admitted(Because.REGISTERED)):
        counters.see(passage(verdict), method="POST", service=SERVICE)
    assert count(registry, "refused", "address_unknown") == 2
    assert count(registry, "admitted", "registered") == 1


def test_every_outcome_is_there_at_zero_and_no_label_comes_from_a_request() -> None:
    registry = CollectorRegistry()
    counters = Counters(registry)
    before = {tuple(sample.labels.items()) for metric in registry.collect() for sample in metric.samples}
    assert count(registry, "refused", "certificate_foreign") == 0
    counters.see(passage(REFUSED, identify(kit.system().certificate)), method="BREW", service="unknown")
    after = {tuple(sample.labels.items()) for metric in registry.collect() for sample in metric.samples}
    assert after == before
