"""The guard: holds after refusals in a row, lets one probe try at a time, and passes once that one does."""

from dataclasses import dataclass

from hypothesis import settings, strategies
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from relay.upstream import guard as pure
from relay.upstream.guard import Guard, Held, Rules, State

RULES = Rules(after=3, first_pause=5, longest_pause=60, permit=100)
AT = 1_800_000_000.0


def _refused(guard: Guard, at: float = AT, times: int = 1, permit: str = "") -> Guard:
    for _ in range(times):
        guard = pure.refused(guard, at, permit=permit, rules=RULES)
    return guard


def _admitted(guard: Guard, at: float, permit: str = "p", *, harmless: bool = True) -> tuple[Guard, Held | None]:
    return pure.admit(guard, at, permit=permit, harmless=harmless, rules=RULES)


def _probing(permit: str = "p") -> Guard:
    guard, held = _admitted(_refused(Guard(), times=3), AT + 5, permit)
    assert held is None
    return guard


def test_it_holds_after_so_many_refusals_in_a_row_and_not_before() -> None:
    assert _refused(Guard(), times=2).state is State.PASSING
    held = _refused(Guard(), times=3)
    assert (held.state, held.due, held.holds) == (State.HOLDING, AT + 5, 1)


def test_a_call_that_passes_begins_the_row_anew() -> None:
    guard = pure.passed(_refused(Guard(), times=2), AT, permit="")
    assert _refused(guard, times=2).state is State.PASSING


def test_refusals_of_calls_in_flight_change_nothing_about_the_pause() -> None:
    held = _refused(Guard(), times=3)
    later = _refused(held, AT + 1, times=5)
    assert (later.due, later.pause, later.holds, later.refused) == (held.due, held.pause, 1, 8)


def test_while_it_holds_a_call_is_told_when_another_may_ask() -> None:
    guard, held = _admitted(_refused(Guard(), times=3), AT + 1.5)
    assert held == Held(seconds=4)
    assert guard.state is State.HOLDING


def test_after_the_pause_one_harmless_call_goes_and_no_other() -> None:
    guard = _probing()
    assert (guard.state, guard.probes) == (State.PROBING, 1)
    for each in range(3):
        guard, held = _admitted(guard, AT + 6, f"other{each}")
        assert held is not None
    assert guard.probes == 1


def test_a_call_that_could_do_harm_when_repeated_is_never_the_probe() -> None:
    guard, held = _admitted(_refused(Guard(), times=3), AT + 50, harmless=False)
    assert held is not None
    assert guard.state is State.HOLDING


def test_a_probe_that_passes_lets_calls_out_again() -> None:
    guard = pure.passed(_probing(), AT + 6, permit="p")
    assert (guard.state, guard.refused) == (State.PASSING, 0)
    assert _admitted(guard, AT + 6) == (guard, None)


def test_a_call_of_before_that_passes_late_lets_nobody_out() -> None:
    held = _refused(Guard(), times=3)
    assert pure.passed(held, AT + 1, permit="") == held
    assert pure.passed(_probing(), AT + 6, permit="") == _probing()


def test_pauses_grow_to_the_longest_with_each_probe_that_is_refused() -> None:
    guard, at, pauses = _refused(Guard(), times=3), AT, []
    for each in range(6):
        pauses.append(guard.pause)
        at = guard.due
        guard, held = _admitted(guard, at, str(each))
        assert held is None
        guard = _refused(guard, at, permit=str(each))
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert guard.holds == 1


def test_a_hold_before_any_call_has_passed_goes_on_where_the_last_one_left_off() -> None:
    """A probe may pass where calls do not: then each hold costs refusals, and must not begin with a short pause."""
    guard, at, pauses = Guard(), AT, []
    for each in range(6):
        guard = _refused(guard, at, times=3)
        pauses.append(guard.pause)
        at = guard.due
        guard = pure.passed(_admitted(guard, at, str(each))[0], at, permit=str(each))
        assert guard.state is State.PASSING
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert _refused(pure.passed(guard, at, permit=""), at, times=3).pause == 5
    assert _refused(pure.lifted(guard, at), at, times=3).pause == 5


def test_a_probe_of_which_nothing_was_heard_is_followed_by_another_after_the_same_pause() -> None:
    guard = pure.returned(_probing(), AT + 7, permit="p")
    assert (guard.state, guard.pause, guard.due) == (State.HOLDING, 5, AT + 12)


def test_the_permit_of_a_process_that_is_gone_comes_back_and_the_next_probe_waits_as_after_any() -> None:
    assert pure.orphaned(_probing("12.7"), AT + 7, owner="1.") == _probing("12.7")
    guard = pure.orphaned(_probing("12.7"), AT + 7, owner="12.")
    assert (guard.state, guard.due) == (State.HOLDING, AT + 12)


def test_a_permit_lapses() -> None:
    assert _admitted(_probing(), AT + 104)[1] is not None
    guard, held = _admitted(_probing(), AT + 105, "next")
    assert held is None
    assert guard.permit == "next"
    assert pure.passed(guard, AT + 106, permit="p") == guard


def test_a_clock_that_was_set_back_holds_nobody_longer() -> None:
    guard, held = _admitted(_refused(Guard(), times=3), AT - 3600)
    assert held is None
    assert guard.state is State.PROBING


def test_a_person_can_let_calls_out() -> None:
    for guard in (_refused(Guard(), times=3), _probing()):
        assert pure.lifted(guard, AT).state is State.PASSING


@dataclass(frozen=True)
class _Call:
    """A call that went out; `permit` where it is the probe."""

    permit: str = ""


class Traffic(RuleBasedStateMachine):
    """Any order of calls, answers, deaths and waiting, beside a count that is kept apart from the guard's own."""

    calls: Bundle[_Call] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.guard = Guard()
        self.at = AT
        self.row = 0
        self.number = 0

    def _now(self, guard: Guard) -> None:
        before, self.guard = self.guard, guard
        if before.state is State.PASSING and guard.state is not State.PASSING:
            assert self.row >= RULES.after
        if before.state is not State.PASSING and guard.state is State.PASSING:
            self.row = 0

    @rule(target=calls, harmless=strategies.booleans())
    def call(self, harmless: bool) -> _Call | MultipleResults[_Call]:
        self.number += 1
        permit = f"1.{self.number}"
        before = self.guard
        guard, held = _admitted(before, self.at, permit, harmless=harmless)
        self._now(guard)
        if held is not None:
            assert before.state is not State.PASSING
            assert 1 <= held.seconds <= 60
            assert guard == before
            return multiple()
        if before.state is State.PASSING:
            return _Call()
        assert harmless
        assert self.at >= before.due
        return _Call(permit)

    @rule(call=consumes(calls))
    def refuse(self, call: _Call) -> None:
        self.row += 1
        self._now(_refused(self.guard, self.at, permit=call.permit))

    @rule(call=consumes(calls))
    def let_pass(self, call: _Call) -> None:
        if self.guard.state is State.PASSING:
            self.row = 0
        before = self.guard
        self._now(pure.passed(before, self.at, permit=call.permit))
        if before.state is State.PROBING and call.permit == before.permit:
            assert self.guard.state is State.PASSING

    @rule(call=consumes(calls))
    def say_nothing(self, call: _Call) -> None:
        self._now(pure.returned(self.guard, self.at, permit=call.permit))

    @rule()
    def die(self) -> None:
        self._now(pure.orphaned(self.guard, self.at, owner="1."))
        assert self.guard.state is not State.PROBING

    @rule(seconds=strategies.floats(0.1, 70))
    def wait(self, seconds: float) -> None:
        self.at += seconds

    @precondition(lambda self: self.guard.state is State.HOLDING)
    @rule()
    def a_harmless_call_after_the_pause_goes(self) -> None:
        later = self.at + RULES.longest_pause
        guard, held = _admitted(self.guard, later, "later")
        assert held is None
        assert guard.state is State.PROBING

    @invariant()
    def never_passes_with_a_full_row(self) -> None:
        assert self.guard.state is not State.PASSING or self.guard.refused == self.row < RULES.after

    @invariant()
    def no_pause_is_longer_than_a_minute(self) -> None:
        assert self.guard.pause <= 60
        if self.guard.state is State.HOLDING:
            assert self.guard.due - self.guard.since <= 60


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
