"""The load for claims: 25 MB as base64 in a SOAP body, up or down; both ends compare digests."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from bench.loads.caller import Requests, Target, Tls, answer_to, client_context, connect
from bench.loads.crew import Part
from bench.place import CLAIMS, Place, digest
from bench.process import BenchFault


class Way(StrEnum):
    """Which way a claim goes."""

    UP = "up"
    DOWN = "down"


def claims(place: Place, target: Target, way: Way, number: int) -> Part[int]:
    """Return a part that carries so many claims over one kept connection, and gives back how many octets of body."""
    return partial(_carry, place, target, way, number)


def _carry(place: Place, target: Target, way: Way, number: int, start: Callable[[], None]) -> int:
    claim = place.claim.read_bytes()
    small = Requests(place, target, f"{CLAIMS}/up", b"x")
    context = client_context(place, target, Tls.V1_3)
    body = claim if way is Way.UP else b"x"
    requests = Requests(place, target, f"{CLAIMS}/{way}", body)
    whole = digest(claim)
    with connect(target, context) as connection:
        answer_to(connection, small.next())
        start()
        answers = [answer_to(connection, requests.next()) for _ in range(number)]
    arrived = {answer.decode() if way is Way.UP else digest(answer) for answer in answers}
    if arrived != {whole}:
        raise BenchFault(f"a claim on its way {way} did not arrive whole")
    return number * len(claim)
