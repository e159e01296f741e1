"""A caller learns how the gate sees it, the refused one as well."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service
from relay.x509.identity import identify
from tests.kit import authority as kit
from tests.kit.caller import Caller, get
from tests.kit.gate import Gate, book, running


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    async with running(Gate(book=book([kit.system()], ["127.0.0.1"]))) as gate:
        yield gate


async def seen(gate: Gate, trust: Path, certificate: Issued | None, path: str = "/whoami") -> dict[str, object]:
    (answer,) = await Caller.trusting(trust, certificate).send(gate.port, get(path))
    assert (answer.status, answer.content_type) == (200, "application/json")
    return dict(json.loads(answer.body))


async def test_an_admitted_caller_sees_its_address_and_certificate(gate: Gate, trust: Path) -> None:
    identity = identify(kit.system().certificate)
    assert await seen(gate, trust, kit.system()) == {
        "address": "127.0.0.1",
        "certificate": {
            "user_number": kit.USER_NUMBER,
            "kind": "system",
            "organisation": kit.ORGANISATION,
            "serial": identity.serial,
            "fingerprint": identity.fingerprint,
            "not_after": identity.not_after.isoformat(),
        },
        "admitted": True,
        "reason": "registered",
        "services": {service: {"admitted": True, "reason": "registered"} for service in Service},
    }


async def test_a_caller_learns_which_services_it_has_no_authorisation_for(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()], ["127.0.0.1"], services=[Service.COV])
    services = (await seen(gate, trust, kit.system()))["services"]
    assert isinstance(services, dict)
    assert services["cov"] == {"admitted": True, "reason": "registered"}
    assert services["claims"] == {"admitted": False, "reason": "service_not_authorised"}


@pytest.mark.parametrize("path", ["/acc/whoami", "/tst/whoami"])
async def test_a_caller_learns_that_its_certificate_is_of_another_environment(
    gate: Gate, trust: Path, path: str
) -> None:
    gate.book = book([kit.system()], ["127.0.0.1"], environment=Environment.PRODUCTION)
    told = await seen(gate, trust, kit.system(), path)
    assert (told["admitted"], told["reason"]) == (False, "certificate_other_environment")
    assert (await seen(gate, trust, kit.system()))["admitted"] is True


async def test_a_caller_at_an_unregistered_address_learns_which_to_register(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()])
    told = await seen(gate, trust, kit.system())
    assert (told["address"], told["admitted"], told["reason"]) == ("127.0.0.1", False, "address_unknown")


async def test_a_caller_without_certificate_learns_that_it_lacks_one(gate: Gate, trust: Path) -> None:
    told = await seen(gate, trust, None)
    assert (told["certificate"], told["admitted"], told["reason"]) == (None, False, "certificate_missing")


async def test_looking_is_no_passage(gate: Gate, trust: Path) -> None:
    await seen(gate, trust, kit.system())
    assert gate.passages == []
