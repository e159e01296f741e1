"""Who sees what happens at the gate: the audit line and the counters, told of every passage before the answer."""

from collections.abc import Iterable
from typing import IO, Protocol

import orjson
from prometheus_client import CollectorRegistry, Counter

from relay.enforcer.verdict import Admitted, Passage, Refusal, Refused, Verdict
from relay.registry.domain.rules import Because


class Witness(Protocol):
    """Sees a passage. What it raises ends the call without an answer from the service: unseen, nobody passes."""

    def see(self, passage: Passage, *, method: str, service: str) -> None:
        """Note one passage.

        `service` is the path of the service that was asked for, as the gate knows it, or `unknown`: what a caller
        made up itself (other paths, query strings) may hold a patient's number and is never noted.
        """
        ...


class AuditLog:
    """Writes a JSON line for every passage to a binary stream, flushed at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def see(self, passage: Passage, *, method: str, service: str) -> None:
        """Write who, what, when, from where and with which result (NEN 7513)."""
        line = (
            {"event": "passage"} | _caller(passage) | {"method": method, "service": service} | _outcome(passage.verdict)
        )
        self._stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
        self._stream.flush()


class Counters:
    """Counts calls at the gate by verdict and reason; both are words of ours, never a caller's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "gate_calls", "Calls judged at the gate, by verdict and reason.", ["verdict", "reason"], registry=registry
        )
        for verdict, reason in _every_outcome():
            self._calls.labels(verdict, reason)

    def see(self, passage: Passage, *, method: str, service: str) -> None:
        """Count one."""
        del method, service
        outcome = _outcome(passage.verdict)
        self._calls.labels(outcome["verdict"], outcome["reason"]).inc()


def _every_outcome() -> Iterable[tuple[str, str]]:
    """Yield each pair of labels, so that a counter is there, at zero, before the first call."""
    yield from (("admitted", because) for because in Because)
    yield from (("refused", refusal) for refusal in Refusal)


def _outcome(verdict: Verdict) -> dict[str, str]:
    match verdict:
        case Admitted(because=because, otherwise=otherwise):
            noted = {} if otherwise is None else {"otherwise": otherwise.value}
            return {"verdict": "admitted", "reason": because.value} | noted
        case Refused(refusal=refusal):
            return {"verdict": "refused", "reason": refusal.value}


def _caller(passage: Passage) -> dict[str, object]:
    identity = passage.identity
    told: dict[str, object] = {"timestamp": passage.at, "address": str(passage.address)}
    if identity is None:
        return told
    return told | {
        "user_number": identity.user_number,
        "organisation": identity.organisation,
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
    }
