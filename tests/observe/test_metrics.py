"""The metrics: what is scraped is the table, no more and no less, and no label comes from a request."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from relay.observe.exchange import Exchange, Source
from relay.observe.metrics import EGRESS_STATES, METRICS, GuardSeen, Kind, Metrics, StopSeen
from relay.upstream.proof import State

AT = datetime(2026, 5, 1, tzinfo=UTC)
PLACED = {"tenant": "linde", "client": "dynamics", "route": "cov", "environment": "acceptance"}


def _exchange(**known: object) -> Exchange:
    return Exchange(id="abc", at=AT, peer="192.0.2.1", method="POST", **known)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_what_is_scraped_is_the_table(metrics: Metrics) -> None:
    refused = PLACED | {"status": 403, "upstream_status": 403, "refusal": "functional"}
    metrics.note(_exchange(**refused, source=Source.UPSTREAM))
    metrics.note(_exchange(**PLACED, status=200, again="passed", refused_egress="203.0.113.11"))
    metrics.note(_exchange(**PLACED, status=200, would_refuse="methods"))
    metrics.connections_of("linde")("opened")
    metrics.certificate("linde", "linde", AT)
    metrics.next_certificate("linde", "linde", AT, in_force=False)
    metrics.reloaded("linde", "linde", taken=True)
    metrics.egress("linde", "203.0.113.10", "proven")
    metrics.egress_proven("linde", "203.0.113.10", AT)
    metrics.probed("linde", "guard", "passed")
    metrics.egress_registered("linde", "203.0.113.10", "proven")
    metrics.lost("linde", "cov")
    metrics.key_expiries(lambda: [(("dynamics", "a" * 16), AT)])
    metrics.mails("linde", "quota", "accepted")
    metrics.server_reloaded(taken=True)
    metrics.client_trust_reloaded(taken=True)
    metrics.clients_reloaded(taken=True)
    metrics.will_fetch_keys("entra")
    metrics.token_refused("entra", "audience")
    metrics.signature_refused("plug-in", "created")
    metrics.shared(there=True)
    metrics.watch(readiness=lambda: True, in_progress=lambda: 1)
    metrics.note(_exchange(**PLACED, status=503, refusal="quota"))
    metrics.guards(
        lambda: [GuardSeen(("linde", "192.0.2.9"), "holding", 1, 2, 0.0)], lambda: [StopSeen(("linde", "cov"), 1.0)]
    )
    scraped = {}
    page = generate_latest(metrics.registry).decode()  # type: ignore[no-untyped-call]  # the library's is untyped
    for family in text_string_to_metric_families(page):  # type: ignore[no-untyped-call]  # as above
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        scraped[name] = (family.type, labels, family.documentation)
    assert scraped == {metric.name: (metric.kind.value, set(metric.labels), metric.help) for metric in METRICS}


def test_a_relay_that_counts_for_itself_alarms_nobody(metrics: Metrics) -> None:
    assert _value(metrics, "relay_shared_count_up") is None
    metrics.shared(there=False)
    assert _value(metrics, "relay_shared_count_up") == 0


def test_names_follow_prometheus_rules() -> None:
    assert all(metric.name.startswith("relay_") for metric in METRICS)
    assert all(metric.name.endswith("_total") == (metric.kind is Kind.COUNTER) for metric in METRICS)
    assert all(metric.help.endswith(".") for metric in METRICS)


def test_a_call_is_counted_by_what_the_caller_got_and_who_made_it(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.note(_exchange(**PLACED, status=200, source=Source.UPSTREAM, seconds=0.2))
    metrics.note(_exchange(**PLACED, status=503, source=Source.RELAY, seconds=3))
    assert _value(metrics, "relay_calls_total", **PLACED, status="200", source="upstream") == 2
    assert _value(metrics, "relay_calls_total", **PLACED, status="503", source="relay") == 1
    assert _value(metrics, "relay_call_duration_seconds_sum", tenant="linde", route="cov") == pytest.approx(3.4)


def test_what_a_policy_would_refuse_is_counted_by_client_and_condition(metrics: Metrics) -> None:
    for condition in ("methods", "methods", "hours", ""):
        metrics.note(_exchange(**PLACED, status=200, would_refuse=condition))
    name = "relay_calls_would_refuse_total"
    assert _value(metrics, name, client="dynamics", condition="methods") == 2
    assert _value(metrics, name, client="dynamics", condition="hours") == 1
    assert _value(metrics, name, client="dynamics", condition="") is None


def test_a_refusal_is_counted_by_its_cause_and_only_when_it_is_vecozos(metrics: Metrics) -> None:
    metrics.note(_exchange(**PLACED, status=403, upstream_status=403, refusal="address_or_blocked"))
    metrics.note(_exchange(**PLACED, status=403, source=Source.RELAY, cause="tenant_refused"))
    refusals = [metric for metric in metrics.registry.collect() if metric.name == "relay_upstream_refusals"]
    [sample] = [sample for sample in refusals[0].samples if sample.name.endswith("_total")]
    assert sample.labels == {"tenant": "linde", "route": "cov", "cause": "address_or_blocked"}
    assert sample.value == 1


@pytest.mark.parametrize(
    ("again", "upstream_status", "refusals"),
    [("passed", 200, 1), ("refused", 403, 2), ("failed", 0, 1), ("unsent", 403, 1)],
)
def test_a_call_that_goes_out_again_is_counted_with_each_of_its_refusals(
    metrics: Metrics, again: str, upstream_status: int, refusals: int
) -> None:
    cause = "address_or_blocked" if upstream_status == 403 else ""
    metrics.note(_exchange(**PLACED, upstream_status=upstream_status, refusal=cause, again=again))
    there = {"tenant": "linde", "route": "cov"}
    assert _value(metrics, "relay_calls_again_total", **there, result=again) == 1
    assert _value(metrics, "relay_upstream_refusals_total", **there, cause="address_or_blocked") == refusals


def test_every_event_of_a_connection_is_there_from_the_start(metrics: Metrics) -> None:
    """A counter that first appears with its first event cannot be alerted on by its increase."""
    count = metrics.connections_of("linde")
    for event in ("opened", "reused", "unsolicited"):
        assert _value(metrics, "relay_upstream_connections_total", tenant="linde", event=event) == 0
        count(event)
        assert _value(metrics, "relay_upstream_connections_total", tenant="linde", event=event) == 1


def test_the_certificate_in_force_tells_when_it_expires(metrics: Metrics) -> None:
    metrics.certificate("linde", "linde", AT)
    name = "relay_certificate_not_after_timestamp_seconds"
    assert _value(metrics, name, tenant="linde", way="linde") == AT.timestamp()


def test_an_egress_is_in_one_state_at_a_time(metrics: Metrics) -> None:
    place = {"tenant": "linde", "egress": "203.0.113.10"}
    for state in ("unknown", "proven", "out"):
        metrics.egress("linde", "203.0.113.10", state)
        told = {each: _value(metrics, "relay_egress_state", **place, state=each) for each in EGRESS_STATES}
        assert told == {each: float(each == state) for each in EGRESS_STATES}
    assert set(EGRESS_STATES) == set(State)


def test_readiness_and_calls_under_way_are_read_when_scraped(metrics: Metrics) -> None:
    state = {"ready": False, "calls": 0}
    metrics.watch(readiness=lambda: bool(state["ready"]), in_progress=lambda: state["calls"])
    assert _value(metrics, "relay_ready") == 0
    state.update(ready=True, calls=7)
    assert _value(metrics, "relay_ready") == 1
    assert _value(metrics, "relay_calls_in_progress") == 7


def test_two_relays_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.reloaded("linde", "linde", taken=False)
    labels = {"tenant": "linde", "way": "linde", "result": "refused"}
    assert _value(one, "relay_certificate_reloads_total", **labels) == 1
    assert _value(other, "relay_certificate_reloads_total", **labels) is None


def test_what_others_counted_is_added_to_the_scrape_and_what_the_dead_counted_for_good(metrics: Metrics) -> None:
    worker, dead = Metrics(), Metrics()
    for each, seconds in ((worker, 0.2), (worker, 3), (dead, 0.3)):
        each.note(_exchange(**PLACED, status=200, source=Source.UPSTREAM, seconds=seconds))
    worker.connections_of("linde")("opened")
    dead.note(_exchange(**PLACED, status=403, upstream_status=403, refusal="functional", source=Source.UPSTREAM))
    worker.note(_exchange(**PLACED | {"route": "claims"}, status=200, again="passed"))
    metrics.reports(lambda: [worker.packed()])
    metrics.absorb(dead.packed())
    for _ in range(2):  # a scrape leaves nothing behind
        assert _value(metrics, "relay_calls_total", **PLACED, status="200", source="upstream") == 3
        assert _value(metrics, "relay_call_duration_seconds_sum", tenant="linde", route="cov") == pytest.approx(3.5)
        bucket = {"tenant": "linde", "route": "cov", "le": "0.5"}
        assert _value(metrics, "relay_call_duration_seconds_bucket", **bucket) == 3
        assert _value(metrics, "relay_upstream_connections_total", tenant="linde", event="opened") == 1
        refused = {"tenant": "linde", "route": "cov", "cause": "functional"}
        assert _value(metrics, "relay_upstream_refusals_total", **refused) == 1
        again = {"tenant": "linde", "route": "claims", "result": "passed"}
        assert _value(metrics, "relay_calls_again_total", **again) == 1


def test_one_process_alone_is_the_one_worker(metrics: Metrics) -> None:
    assert _value(metrics, "relay_workers", state="working") == 1
    metrics.workers(lambda: {"starting": 1, "working": 2})
    assert [_value(metrics, "relay_workers", state=state) for state in ("starting", "working", "silent")] == [1, 2, 0]


def test_when_a_client_last_proved_itself_is_the_latest_of_all_processes(metrics: Metrics) -> None:
    worker, dead = Metrics(), Metrics()
    for late, each in ((0, dead), (2, worker), (1, metrics)):
        exchange = _exchange(client="dynamics", way="api_key", credential="a" * 16)
        exchange.at = AT + timedelta(seconds=late)
        each.note(exchange)
    worker.note(_exchange())  # of nobody
    metrics.reports(lambda: [worker.packed()])
    metrics.absorb(dead.packed())
    last = AT + timedelta(seconds=2)
    assert metrics.used() == {("dynamics", "api_key", "a" * 16): last}
    labels = {"client": "dynamics", "way": "api_key", "key": "a" * 16}
    assert _value(metrics, "relay_client_last_used_timestamp_seconds", **labels) == last.timestamp()
