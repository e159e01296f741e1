"""The gate as a whole: what belongs to no single part of it."""

from pathlib import Path

from relay.enforcer.app import MOST_BODY
from tests.kit import authority as kit
from tests.kit.caller import Caller, get, post
from tests.kit.cov import headers
from tests.kit.gate import Gate, book, running

COV = "/tst/cov/vz801802/v1/soap11"


def open_gate() -> Gate:
    return Gate(book=book([kit.system()], ["127.0.0.1"]))


async def test_a_question_over_the_limit_is_refused(trust: Path) -> None:
    async with running(open_gate()) as gate:
        caller = Caller.trusting(trust, kit.system())
        (seen,) = await caller.send(gate.port, post(COV, headers(), b" " * (MOST_BODY + 1)))
    assert seen.status == 413


async def test_the_description_names_the_public_address_when_that_is_set(trust: Path) -> None:
    async with running(open_gate(), public_url="https://relay.example/praktijk") as gate:
        (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, get(f"{COV}?wsdl"))
    assert b'location="https://relay.example/praktijk/tst/cov/vz801802/v1/soap11"' in seen.body
