"""The guard of a certificate at an egress address: after refusals in a row it holds calls, and has probes try. Pure.

VECOZO counts what it refuses and can block an account; calls that are sure to be refused are better not made. Time is
an argument, in seconds of the epoch, so that a state means the same after a restart.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil


class State(StrEnum):
    """What a guard is at."""

    PASSING = "passing"
    HOLDING = "holding"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """After how many refusals in a row it holds; pauses before a probe, in seconds, and how long a probe may take."""

    after: int = 3
    first_pause: float = 5.0
    longest_pause: float = 60.0
    permit: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The call may not go out; in so many whole seconds another may ask."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One state. `refused` counts address refusals in a row, `since` is when the state began.

    While it holds, a probe is due at `due`, after `pause`; while one is out, `due` is when its `permit` lapses. A pause
    is forgotten only when a call passes after it: the next hold goes on where the last one left off. `holds` and
    `probes` count for ever.
    """

    state: State = State.PASSING
    refused: int = 0
    since: float = 0.0
    pause: float = 0.0
    due: float = 0.0
    permit: str = ""
    holds: int = 0
    probes: int = 0


def admit(guard: Guard, at: float, *, permit: str, harmless: bool, rules: Rules) -> tuple[Guard, Held | None]:
    """Return what becomes of the guard when a call wants to go out, and whether that one is held.

    A call that goes although the guard did not pass has the `permit`, and is its one probe; only one that is `harmless`
    to repeat can be.
    """
    if guard.state is State.PASSING:
        return guard, None
    left = guard.due - at
    # A clock that was set back must not make a pause longer than any is.
    over = left <= 0 or left > max(rules.longest_pause, rules.permit)
    if not over or not harmless:
        wait = rules.first_pause if guard.state is State.PROBING or over else left
        return guard, Held(seconds=max(1, ceil(wait)))
    probing = replace(
        guard, state=State.PROBING, since=at, due=at + rules.permit, permit=permit, probes=guard.probes + 1
    )
    return probing, None


def refused(guard: Guard, at: float, *, permit: str, rules: Rules) -> Guard:
    """Return what becomes of it when VECOZO refuses a call for its address."""
    counted = replace(guard, refused=guard.refused + 1)
    if _is_probe(guard, permit):
        return _holding(counted, at, min(2 * guard.pause, rules.longest_pause))
    if guard.state is State.PASSING and counted.refused >= rules.after:
        pause = max(rules.first_pause, min(2 * guard.pause, rules.longest_pause))
        return replace(_holding(counted, at, pause), holds=guard.holds + 1)
    return counted  # while it holds: one that was in flight when that began


def passed(guard: Guard, at: float, *, permit: str) -> Guard:
    """Return what becomes of it when VECOZO lets a call pass.

    While it holds, that counts of the probe alone: any other was in flight before, and may have been judged before.
    """
    if guard.state is State.PASSING:
        return replace(guard, refused=0, pause=0.0)
    return _passing(guard, at) if _is_probe(guard, permit) else guard


def returned(guard: Guard, at: float, *, permit: str) -> Guard:
    """Return what becomes of it when a call ended and VECOZO said nothing of its address: another probe, later."""
    return _holding(guard, at, guard.pause) if _is_probe(guard, permit) else guard


def orphaned(guard: Guard, at: float, *, owner: str) -> Guard:
    """Return what becomes of it when `owner` is gone, whose permits begin with its name.

    VECOZO may have counted that probe, so the next one waits as after any: who is started again and again must not
    probe each time.
    """
    if guard.state is State.PROBING and guard.permit.startswith(owner):
        return _holding(guard, at, guard.pause)
    return guard


def lifted(guard: Guard, at: float) -> Guard:
    """Return what becomes of it when a person lets calls out again."""
    return replace(_passing(guard, at), pause=0.0)


def _is_probe(guard: Guard, permit: str) -> bool:
    return guard.state is State.PROBING and permit == guard.permit != ""


def _holding(guard: Guard, at: float, pause: float) -> Guard:
    return replace(guard, state=State.HOLDING, since=at, pause=pause, due=at + pause, permit="")


def _passing(guard: Guard, at: float) -> Guard:
    return replace(guard, state=State.PASSING, refused=0, since=at, due=0.0, permit="")
