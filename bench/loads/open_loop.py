"""The load for latency: calls leave by a timetable, whatever became of those before.

They are timed from when they should have left, so a front that stalls cannot hide the calls that it held up.
"""

import gc
import select
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from bench.loads.caller import Answer, Requests, Target, Tls, client_context, connect
from bench.loads.crew import Part
from bench.place import ANSWER_SIZE, PATH, Place
from bench.process import BenchFault

# With answers in 50 ms, 300 calls a second keep 15 busy; the others are for stalls.
_CONNECTIONS = 128
_MUCH = 65536
_LEAD = 0.05


def open_loop(place: Place, target: Target, *, rate: float, seconds: float, late: float) -> Part[list[float]]:
    """Return a part that calls so often a second, and gives back how long each answer took in milliseconds.

    All its calls are due so many seconds later than those of a part that is set off with it and is not late.
    """
    return partial(_calls, place, target, rate, seconds, late)


def _calls(
    place: Place, target: Target, rate: float, seconds: float, late: float, start: Callable[[], None]
) -> list[float]:
    context = client_context(place, target, Tls.V1_3)
    requests = Requests(place, target, PATH, place.request.read_bytes())
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(target, context)) for _ in range(_CONNECTIONS)]
        for connection in connections:
            connection.settimeout(0)
        gc.disable()
        start()
        return _Timetable(connections, requests, rate=rate, calls=round(rate * seconds)).follow(late)


class _Timetable:
    """Calls and when each should have left. Waits with select, whose timeout alone has microseconds."""

    def __init__(self, connections: list[ssl.SSLSocket], requests: Requests, *, rate: float, calls: int) -> None:
        self._free = deque(connections)  # used in turn, so that none is closed for being idle
        self._busy: dict[ssl.SSLSocket, tuple[float, Answer]] = {}
        self._requests = requests
        self._gap = 1 / rate
        self._calls = calls

    def follow(self, late: float) -> list[float]:
        first, sent, took = time.monotonic() + _LEAD + late, 0, list[float]()
        while len(took) < self._calls:
            due = first + sent * self._gap
            if sent < self._calls and due <= time.monotonic():
                self._send(due)
                sent += 1
                continue
            wait = max(0.0, due - time.monotonic()) if sent < self._calls else None
            for connection in select.select(list(self._busy), [], [], wait)[0]:
                took += self._receive(connection)
        return took

    def _send(self, due: float) -> None:
        if not self._free:
            raise BenchFault(f"{_CONNECTIONS} calls were in progress, and one more was due")
        connection = self._free.popleft()
        connection.sendall(self._requests.next())
        self._busy[connection] = (due, Answer())

    def _receive(self, connection: ssl.SSLSocket) -> list[float]:
        due, answer = self._busy[connection]
        try:
            whole = answer.take(connection.recv(_MUCH))
        except ssl.SSLWantReadError:
            return []
        if not whole:
            return []
        took = (time.monotonic() - due) * 1000
        if len(answer.body) != ANSWER_SIZE:
            raise BenchFault(f"an answer had {len(answer.body)} octets")
        del self._busy[connection]
        self._free.append(connection)
        return [took]
