"""The history: the newest of each kind, so many and no more, whichever process they came from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from relay.observe.history import MOST, History, Refused

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONE = Refused(
    at=NOON,
    id="call-1",
    trace="0af7651916cd43dd8448eb211c80319c",
    tenant="linde",
    environment="acceptance",
    family="soap",
    way="linde",
    route="cov",
    egress="203.0.113.10",
    certificate="0A1B",
    cause="address_or_blocked",
    status=403,
    reason="Forbidden",
    sent="true",
    last_good=NOON - timedelta(hours=1),
)


def after(seconds: float, **changes: str) -> Refused:
    return replace(ONE, at=NOON + timedelta(seconds=seconds), **changes)  # type: ignore[arg-type]  # of a text each


def test_the_newest_comes_first_and_one_too_many_drives_the_oldest_out() -> None:
    history = History()
    for second in range(MOST + 5):
        history.note(after(second))
    assert [each.at for each in history.latest()] == [after(MOST + 4 - each).at for each in range(MOST)]


def test_a_flood_of_one_kind_drives_out_no_other() -> None:
    others = [
        after(0, cause="quota"),
        after(1, egress="203.0.113.11"),
        after(2, family="messages"),
        after(3, tenant="eik"),
        after(4, environment="test"),
    ]
    history = History()
    for each in others:
        history.note(each)
    for second in range(1000):
        history.note(after(5 + second))
    told = history.latest()
    assert told[-len(others) :] == others[::-1]
    assert len(told) == MOST + len(others)


def test_what_other_processes_packed_takes_its_place_by_time() -> None:
    history, other = History(), History()
    for second in range(MOST):
        history.note(after(2 * second))
        other.note(after(2 * second + 1, trace=""))
    history.absorb(other.packed())
    assert [each.at for each in history.latest()] == [after(2 * MOST - 1 - each).at for each in range(MOST)]


def test_all_of_a_refusal_survives_the_way_to_another_process() -> None:
    history, other = History(), History()
    assert other.packed() == b""
    known = [ONE, replace(after(1), last_good=None, status=0, reason="")]
    for each in known:
        other.note(each)
    history.absorb(other.packed())
    assert history.latest() == known[::-1]
    other.forget()
    assert other.packed() == b""


def test_the_last_of_a_way_is_that_of_its_certificate_and_address() -> None:
    history = History()
    for each in (
        ONE,
        after(1, cause="quota"),
        after(2, family="iwlz", way="linde/iwlz"),
        after(3, egress="203.0.113.11"),
    ):
        history.note(each)
    last = history.last_of("linde", "203.0.113.10")
    assert last is not None
    assert last.cause == "quota"
    assert history.last_of("eik", "203.0.113.10") is None
