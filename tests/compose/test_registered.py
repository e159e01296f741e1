"""A relay that asks the registry: what that has decides whether calls leave, of the certificate concerned alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from relay.compose.relay import build
from relay.errors import SettingsFault
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.authority import PERSONAL_NUMBER
from tests.kit.door import until
from tests.kit.line import call
from tests.kit.registry_api import Rehearsed, rehearsed
from tests.kit.relay import PASSWORD, PATH, Relay, read_settings, relay, write_settings
from tests.kit.witness import World, telling

pytestmark = pytest.mark.one_process

FIRST, SECOND = "127.0.0.9", "127.0.0.10"
BOTH = {"tenants.linde.egress": [{"source_address": FIRST}, {"source_address": SECOND}]}


@pytest.fixture
async def upstream() -> AsyncIterator[kit.Upstream]:
    async with kit.running() as upstream:
        yield upstream


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Rehearsed]:
    async with rehearsed(tmp_path) as registry:
        yield registry


@asynccontextmanager
async def _asking(
    folder: Path, upstream: kit.Upstream, registry: Rehearsed, changes: dict[str, Any] | None = None
) -> AsyncIterator[Relay]:
    async with relay(folder, upstream.port, changes=registry.settings() | (changes or {})) as here:
        yield here


def _events(here: Relay, *names: str) -> list[str]:
    names = names or ("address_registered", "address_not_registered", "address_registration_unknown")
    return [str(line["event"]) for line in here.lines if line["event"] in names]


async def _state(here: Relay, egress: str = FIRST) -> str:
    page = await here.scrape()
    row = f'relay_egress_registered{{egress="{egress}",state="%s",way="linde"}} 1.0'
    [state] = [state for state in ("proven", "unknown", "out") if row % state in page]
    return state


async def test_while_it_does_not_have_the_address_nothing_is_sent(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    card = {"tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": "anna@delinde.example"}]}
    async with _asking(tmp_path, upstream, registry, card) as here:
        answer = await call(here, PATH)
        told = orjson.loads(answer.body)
        assert (answer.status, told["code"], told["sent"]) == (503, "address_not_registered", "false")
        assert FIRST in told["detail"]
        assert answer.field("retry-after") == "60"
        status, why = await here.ask_operator("/readyz")
        assert (status, "the registry does not have 127.0.0.9" in why) == (503, True)
        assert await _state(here) == "out"
        assert upstream.connections == 0
        [out] = [line for line in here.lines if line["event"] == "address_not_registered"]
        assert (out["way"], out["egress"], out["refused"]) == ("linde", FIRST, True)
        assert "register 127.0.0.9 at VECOZO" in str(out["remedy"])
        assert "Anna" not in here.out.getvalue().decode()
        registry.register(FIRST)
        await until(lambda: _events(here) == ["address_not_registered", "address_registered"])
        assert (await call(here, PATH)).status == 200
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert await _state(here) == "proven"
    assert set(registry.asked) == {(FIRST, PERSONAL_NUMBER)}


async def test_an_address_that_is_removed_is_noticed(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    registry.register(FIRST)
    async with _asking(tmp_path, upstream, registry) as here:
        assert (await call(here, PATH)).status == 200
        registry.remove(FIRST)
        await until(lambda: _events(here) == ["address_registered", "address_not_registered"])
        assert (await call(here, PATH)).status == 503


async def test_by_choice_it_is_told_and_calls_go_on(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    async with _asking(tmp_path, upstream, registry, {"egress_proof.on_difference": "warn"}) as here:
        assert (await call(here, PATH)).status == 200
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert await _state(here) == "out"
        [out] = [line for line in here.lines if line["event"] == "address_not_registered"]
        assert out["refused"] is False


@pytest.mark.parametrize("registered", [True, False])
async def test_its_silence_changes_nothing(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed, registered: bool
) -> None:
    if registered:
        registry.register(FIRST)
    async with _asking(tmp_path, upstream, registry) as here:
        status = (await call(here, PATH)).status
        registry.away = True
        asked = len(registry.asked)
        await until(lambda: len(registry.asked) > asked + 6)
        assert (await call(here, PATH)).status == status == (200 if registered else 503)
        if registered:
            await until(lambda: _events(here) == ["address_registered", "address_registration_unknown"])
        assert _events(here, "registry_silent") == ["registry_silent"]  # told once, not each time
        assert await _state(here) == ("unknown" if registered else "out")


async def test_one_that_was_never_reached_changes_nothing(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    registry.away = True
    async with _asking(tmp_path, upstream, registry) as here:
        assert (await call(here, PATH)).status == 200
        assert await _state(here) == "unknown"
        assert await here.ask_operator("/readyz") == (200, "ready\n")


async def test_calls_leave_from_the_address_that_it_has(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    registry.register(SECOND)
    async with _asking(tmp_path, upstream, registry, BOTH) as here:
        assert (await call(here, PATH)).status == 200
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert (await _state(here), await _state(here, SECOND)) == ("out", "proven")
        registry.register(FIRST)
        await until(lambda: _events(here).count("address_registered") == 2)
        assert (await call(here, PATH)).status == 200
        assert [line["egress"] for line in here.exchanges] == [SECOND, FIRST]


async def test_another_tenant_with_the_same_address_is_not_concerned(
    tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed
) -> None:
    (tmp_path / "other.p12").write_bytes(authority.other_system().p12(PASSWORD))
    eik: dict[str, Any] = {
        "tenants.eik.environment": "acceptance",
        "tenants.eik.trust": "trust.pem",
        "tenants.eik.certificate": {"file": "other.p12", "password_file": "password"},
        "tenants.eik.egress": {"source_address": FIRST},
        "tenants.eik.routes": [{"name": "cov", "prefix": "/acc/cov", "upstream": f"https://localhost:{upstream.port}"}],
        "clients.dynamics.tenants": ["linde", "eik"],
    }
    async with telling(World()) as world:
        witness = {"egress_proof.witnesses": [{"url": world.url, "trust": "trust.pem"}]}
        async with _asking(tmp_path, upstream, registry, eik | witness) as here:
            for told in ("egress_proven", "egress_unknown"):  # of each all tenants hear
                await until(lambda told=told: _events(here, told))
                answers = [await call(here, PATH, ("X-Relay-Tenant", tenant)) for tenant in ("linde", "eik")]
                assert [answer.status for answer in answers] == [503, 200]
                assert await here.ask_operator("/readyz") == (200, "ready\n")
                world.tells = lambda request: web.Response(status=500)


async def test_what_witnesses_see_counts_beside_it(tmp_path: Path, upstream: kit.Upstream, registry: Rehearsed) -> None:
    registry.register(FIRST)
    async with telling(World(tells=lambda request: "192.0.2.99")) as world:
        seen = {"egress_proof.witnesses": [{"url": world.url, "trust": "trust.pem", "gate": True}]}
        async with _asking(tmp_path, upstream, registry, seen) as here:
            assert orjson.loads((await call(here, PATH)).body)["code"] == "egress_out"


def _faults(folder: Path, **person: object) -> dict[str, str]:
    registry = {"url": "https://localhost:1", "trust": "trust.pem", "persons": {"linde": person}}
    write_settings(folder, 443, changes={"egress_proof.registry": registry})
    with pytest.raises(SettingsFault) as raised:
        build(read_settings(folder), datetime.now(UTC))
    return dict(raised.value.faults)


def test_a_certificate_that_logs_nobody_in_is_told_at_the_start(tmp_path: Path) -> None:
    key = "egress_proof.registry.persons.linde"
    assert "does not exist" in _faults(tmp_path, file="nowhere.p12", password="x")[f"{key}.file"]
    assert "is no person's" in _faults(tmp_path, file="system.p12", password_file="password")[f"{key}.file"]


def test_a_number_is_needed_to_look_up_and_the_card_may_have_it(tmp_path: Path) -> None:
    nameless = authority.authority().issue_system("systeemcertificaat", authority.ORGANISATION, at=authority.AT)
    (tmp_path / "person.p12").write_bytes(authority.personal().p12(PASSWORD))
    person = {"file": "person.p12", "password_file": "password"}
    registry = {"url": "https://localhost:1", "trust": "trust.pem", "persons": {"linde": person}}
    changes: dict[str, object] = {"egress_proof.registry": registry}
    write_settings(tmp_path, 443, certificate=nameless.p12(PASSWORD), changes=changes)
    with pytest.raises(SettingsFault, match=r"give it as tenants\.linde\.card\.user_number"):
        build(read_settings(tmp_path), datetime.now(UTC))
    changes["tenants.linde.card.user_number"] = authority.USER_NUMBER
    write_settings(tmp_path, 443, certificate=nameless.p12(PASSWORD), changes=changes)
    built = build(read_settings(tmp_path), datetime.now(UTC))
    assert built.entries["linde"].user_number == authority.USER_NUMBER
