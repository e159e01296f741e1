"""The works `resumption-*`: how many of those who come again resume, on another worker and after a reload.

Every caller comes to each of two workers in turn, so that it never finds the one that its last session is from; halfway
through, the server certificate is renewed. Who resumes saves itself and the front a signature and a certificate.
"""

import os
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Requests, Target, Tls, answer_to, client_context, connect
from bench.place import PATH
from bench.process import BenchFault, family
from bench.run import Run, believe, in_turn
from bench.upstream import upstream

_FRONTS = ("relay-workers-2",)

_CALLERS = 10
# How often each comes again, before the renewal and after it.
_RETURNS = 4
# Seconds until a renewed certificate is shown, or a process has stopped, at most.
_RENEWED = 10.0
_STOPPED = 5.0


def measure(run: Run) -> Results:
    """Measure it for both versions of TLS. Raises BenchFault when a call failed, or the certificate was not renewed."""
    seen: dict[tuple[Tls, str], list[dict[str, float]]] = {}
    sent: dict[str, int] = {}
    with upstream(run.place, run.other_cpus) as behind, run.fronts(behind.port, *_FRONTS) as fronts:
        for number, (front, tls) in in_turn([(front, tls) for front in fronts for tls in Tls], run.rounds):
            share, calls = _Returning(run, front, tls).share()
            sent[front.name] = sent.get(front.name, 0) + calls
            if number:
                seen.setdefault((tls, front.name), []).append({"resumed_share": share})
                run.tell(f"{_name(tls)}  round {number:2} {front.name:16} {share:8.1%} resumed")
        for front in fronts:
            believe(front, sent[front.name])
    return {
        _name(tls): {
            name: told(rounds, spread="resumed_share") for (other, name), rounds in seen.items() if other is tls
        }
        for tls in Tls
    }


def _name(tls: Tls) -> str:
    return f"resumption-tls{tls.value[-3:].replace('.', '')}"


class _Returning:
    """Callers that come again and again, each with the session that it got the last time."""

    def __init__(self, run: Run, front: Front, tls: Tls) -> None:
        self._run = run
        self._front = front
        self._target = Target(port=front.port)
        self._requests = Requests(run.place, self._target, PATH, run.place.request.read_bytes())
        # A session belongs to the context that it was made in.
        self._contexts = [client_context(run.place, self._target, tls) for _ in range(_CALLERS)]
        self._sessions: list[ssl.SSLSession | None] = [None] * _CALLERS
        self._workers = _workers(front)
        self._calls = self._returned = self._resumed = 0

    def share(self) -> tuple[float, int]:
        """Return which share of those who came again resumed, and how many calls were made in all."""
        with _only(self._workers[-1], self._workers):
            self._all_come()
        self._returned = self._resumed = 0
        self._come_again()
        self._renew()
        self._come_again()
        return self._resumed / self._returned, self._calls

    def _come_again(self) -> None:
        for number in range(_RETURNS):
            with _only(self._workers[number % len(self._workers)], self._workers):
                self._all_come()

    def _all_come(self) -> None:
        for number, context in enumerate(self._contexts):
            with connect(self._target, context, self._sessions[number]) as connection:
                answer_to(connection, self._requests.next())
                self._returned += 1
                self._resumed += bool(connection.session_reused)
                self._sessions[number] = connection.session
        self._calls += _CALLERS

    def _renew(self) -> None:
        """Renew the server certificate, and return once each worker shows it."""
        old = self._shown()
        self._run.place.renew_server()
        for worker in self._workers:
            give_up = time.monotonic() + _RENEWED
            while True:
                time.sleep(0.1)
                with _only(worker, self._workers):
                    if self._shown() != old:
                        break
                if time.monotonic() > give_up:
                    raise BenchFault(f"{self._front.name}: the renewed certificate was not shown")

    def _shown(self) -> bytes | None:
        with connect(self._target, self._contexts[0]) as connection:
            return connection.getpeercert(binary_form=True)


def _workers(front: Front) -> list[int]:
    """Return the processes that carry calls: those that have no others below them."""
    return [pid for pid in family(front.pid) if len(family(pid)) == 1]


@contextmanager
def _only(worker: int, workers: list[int]) -> Iterator[None]:
    """Have one worker alone run for as long as the block lasts, so that every caller comes to that one."""
    others = [pid for pid in workers if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        for pid in others:
            _wait_until_stopped(pid)
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def _wait_until_stopped(pid: int) -> None:
    """A signal takes a moment to arrive, and until then its process may still take a caller (proc(5), stat)."""
    give_up = time.monotonic() + _STOPPED
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        if time.monotonic() > give_up:
            raise BenchFault(f"process {pid} does not stop")
        time.sleep(0.001)
