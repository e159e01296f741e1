"""The load for calls in flight: many connections, each with one call whose answer is long in coming."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from bench.loads.caller import Requests, Target, Tls, answer_to, client_context, connect, read_answer
from bench.loads.crew import Part
from bench.place import ANSWER_SIZE, CLAIMS, PATH, Place

_WARM = 20


def warm_up(place: Place, target: Target) -> Part[int]:
    """Return a part that makes a few calls that are answered at once."""
    return partial(_warm_up, place, target)


def _warm_up(place: Place, target: Target, start: Callable[[], None]) -> int:
    requests = Requests(place, target, f"{CLAIMS}/up", b"x")
    start()
    with connect(target, client_context(place, target, Tls.V1_3)) as connection:
        return len([answer_to(connection, requests.next()) for _ in range(_WARM)])


def in_flight(place: Place, target: Target, number: int) -> Part[int]:
    """Return a part that connects so often, starts a call on each, and gives back how many whole answers came."""
    return partial(_calls, place, target, number)


def _calls(place: Place, target: Target, number: int, start: Callable[[], None]) -> int:
    context = client_context(place, target, Tls.V1_3)
    requests = Requests(place, target, PATH, place.request.read_bytes())
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(target, context)) for _ in range(number)]
        start()
        for connection in connections:
            connection.sendall(requests.next())
        return sum(len(read_answer(connection)) == ANSWER_SIZE for connection in connections)
