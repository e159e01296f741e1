"""The reference side as it runs: one book behind gate and registry, and every fault told before it listens."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import aiohttp
import pytest

from relay.compose.reference import Running, build, running
from relay.compose.rehearsal import REVOCATIONS, SYSTEM, Place, Rehearsal, new_rehearsal, revoke
from relay.errors import SettingsFault
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings
from relay.x509.bundle import Bundle, read_bundle
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit.caller import Caller, get, post
from tests.kit.cov import headers, question
from tests.kit.door import until
from tests.kit.proxied import plain_line, told

PLACE = Place(address=IPv4Address("127.0.0.1"), names=["localhost"], gate_port=0, registry_port=0, operator_port=0)
CALL = post("/acc/cov/vz801802/v1/soap11", headers(), question())
ADDRESS = f"/v1/certificates/{SYSTEM}/addresses/127.0.0.1"


@pytest.fixture
def made(tmp_path: Path) -> Rehearsal:
    return new_rehearsal(tmp_path / "rehearsal", PLACE, at=kit.AT)


@dataclass
class Reference:
    """A running reference side, its two callers and what it wrote."""

    at: Running
    system: Caller
    person: Caller
    out: io.BytesIO

    def lines(self, event: str) -> list[dict[str, object]]:
        written = [json.loads(line) for line in self.out.getvalue().splitlines()]
        return [line for line in written if line["event"] == event]


@asynccontextmanager
async def started(made: Rehearsal, change: Callable[[str], str] = lambda text: text) -> AsyncIterator[Reference]:
    made.settings.write_text(change(made.settings.read_text()))
    built, out = build(load(ReferenceSettings, made.settings, prefix="REFERENCE_")), io.BytesIO()
    system, person = (Caller(opened(file), trust=made.authorities) for file in (made.system, made.contact_person))
    async with running(built, out) as reference:
        yield Reference(reference, system, person, out)


def opened(file: Path) -> Bundle:
    return read_bundle(file.read_bytes(), file.with_suffix(".password").read_text().rstrip("\n"))


async def test_a_registered_address_counts_at_the_gate_at_once_and_a_removed_one_no_longer(made: Rehearsal) -> None:
    async with started(made) as reference:

        async def called() -> tuple[int, str]:
            (seen,) = await reference.system.send(reference.at.gate.port, CALL)
            return seen.status, seen.reason

        async def changed(method: str) -> int:
            (seen,) = await reference.person.send(reference.at.registry.port, get(ADDRESS, method))
            return seen.status

        assert await called() == (403, "Forbidden")
        assert await changed("PUT") == 201
        assert await called() == (200, "OK")
        assert await changed("DELETE") == 204
        assert await called() == (403, "Forbidden")
        verdicts = [line["verdict"] for line in reference.lines("passage")]
        assert verdicts == ["refused", "admitted", "refused"]


async def test_registrations_outlive_a_restart(made: Rehearsal) -> None:
    async with started(made) as reference:
        await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
    async with started(made) as reference:
        (seen,) = await reference.system.send(reference.at.gate.port, CALL)
    assert seen.status == 200


async def test_the_system_certificate_cannot_log_in_nor_can_nobody(made: Rehearsal) -> None:
    async with started(made) as reference:
        nobody = Caller.trusting(made.authorities)
        stranger = Caller.trusting(made.authorities, kit.personal())
        codes = [
            json.loads((await caller.send(reference.at.registry.port, get("/v1/certificates")))[0].body)["code"]
            for caller in (reference.system, nobody, stranger)
        ]
    assert codes == ["system_certificate", "certificate_missing", "certificate_untrusted"]


async def test_in_earnest_an_address_that_is_not_public_cannot_be_registered(made: Rehearsal) -> None:
    async with started(made, lambda text: text.replace("rehearsal = true", "rehearsal = false")) as reference:
        (seen,) = await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
        assert reference.lines("rehearsal") == []
    assert (seen.status // 100, b"loopback" in seen.body) == (4, True)


async def test_a_rehearsal_says_so_loudly(made: Rehearsal) -> None:
    async with started(made) as reference:
        (line,) = reference.lines("rehearsal")
    assert line["level"] == "warning"


async def test_before_the_date_of_enforcement_unregistered_calls_pass_and_are_noted(made: Rehearsal) -> None:
    async with started(made, lambda text: f"enforced_from = 9000-01-01T00:00:00Z\n{text}") as reference:
        (seen,) = await reference.system.send(reference.at.gate.port, CALL)
        (line,) = reference.lines("passage")
    assert (seen.status, line["reason"], line["otherwise"]) == (200, "before_enforcement", "address_unknown")


async def test_the_body_of_a_refusal_and_the_public_address_are_as_set(made: Rehearsal) -> None:
    more = 'refusal_body = "json"\npublic_url = "https://relay.example/praktijk"\n'
    async with started(made, lambda text: more + text) as reference:
        (refused,) = await reference.system.send(reference.at.gate.port, CALL)
        await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
        wsdl = get("/acc/cov/vz801802/v1/soap12?wsdl")
        (described,) = await reference.system.send(reference.at.gate.port, wsdl)
    assert refused.body == b'{"statusCode":403,"message":"Forbidden"}'
    assert b'location="https://relay.example/praktijk/acc/cov/vz801802/v1/soap12"' in described.body


async def test_a_family_of_routes_refuses_in_the_words_that_are_set_for_it(made: Rehearsal) -> None:
    words = '[refusals.cov]\naddress = "Not Allowed"\nbody = "html"\n[refusals.claims]\naddress = "Elsewhere"\n'
    async with started(made, lambda text: text + words) as reference:
        (seen,) = await reference.system.send(reference.at.gate.port, CALL)
    assert (seen.status, seen.reason, seen.content_type) == (403, "Not Allowed", "text/html")


async def test_a_certificate_that_its_authority_revokes_is_refused_without_a_restart(made: Rehearsal) -> None:
    async with started(made) as reference:
        await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
        (before,) = await reference.system.send(reference.at.gate.port, CALL)
        revoke(made.settings.parent, made.system, at=kit.AT)
        await until(lambda: bool(reference.lines("revocations_read")))
        (after,) = await reference.system.send(reference.at.gate.port, CALL)
    assert (before.status, after.status, after.reason) == (200, 403, "Invalid Client Certificate")
    assert [line["reason"] for line in reference.lines("passage")] == ["registered", "certificate_revoked"]


async def test_who_was_revoked_by_the_authority_cannot_log_in_either(made: Rehearsal) -> None:
    revoke(made.settings.parent, made.contact_person, at=kit.AT)
    async with started(made) as reference:
        (seen,) = await reference.person.send(reference.at.registry.port, get("/v1/certificates"))
    assert json.loads(seen.body)["code"] == "certificate_revoked"


def test_a_missing_revocation_list_is_told_before_anything_is_served(made: Rehearsal) -> None:
    (made.settings.parent / REVOCATIONS).unlink()
    with pytest.raises(SettingsFault) as caught:
        build(load(ReferenceSettings, made.settings, prefix="REFERENCE_"))
    assert [key for key, _ in caught.value.faults] == ["revocations"]


async def test_a_quota_on_demand_blocks_the_certificate_in_the_book(made: Rehearsal) -> None:
    async with started(made) as reference, aiohttp.ClientSession() as session:
        await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
        place = f"http://127.0.0.1:{reference.at.operator.port}/faults"
        async with session.post(place, json={"kind": "quota", "routes": "cov"}) as ordered:
            assert ordered.status == 201
        seen = [(await reference.system.send(reference.at.gate.port, CALL))[0] for _ in range(2)]
        assert SYSTEM in reference.at.book.snapshot.blocked
    assert [(each.status, each.reason) for each in seen] == [(429, "Too Many Requests"), (403, "Forbidden")]
    assert [line["reason"] for line in reference.lines("passage")] == ["registered", "blocked"]


async def test_in_earnest_nobody_can_order_a_fault(made: Rehearsal) -> None:
    async with (
        started(made, lambda text: text.replace("rehearsal = true", "rehearsal = false")) as reference,
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{reference.at.operator.port}/faults", json={"kind": "status"}) as refused,
    ):
        assert refused.status == 404


async def test_what_is_below_a_backends_prefix_goes_there(made: Rehearsal) -> None:
    backend = 'backends = [{ prefix = "/acc/cov", url = "https://localhost:1", trust = "authorities.pem" }]\n'
    async with started(made, lambda text: backend + text) as reference:
        await reference.person.send(reference.at.registry.port, get(ADDRESS, "PUT"))
        there, built_in = await reference.system.send(reference.at.gate.port, CALL, CALL.replace(b"/acc/", b"/tst/"))
        (line,) = reference.lines("backend_failed")
    assert (there.status, built_in.status, line["prefix"]) == (502, 200, "/acc/cov")


def test_a_backend_says_what_its_callers_are_judged_by(made: Rehearsal) -> None:
    backends = """backends = [
        { prefix = "/else", url = "https://localhost:1", environment = "test" },
        { prefix = "/acc/edp", url = "https://localhost:1", trust = "none.pem" },
        { prefix = "/else/where", url = "https://localhost:1", environment = "test", service = "iwlz" },
    ]
    """
    made.settings.write_text(backends + made.settings.read_text())
    with pytest.raises(SettingsFault) as caught:
        build(load(ReferenceSettings, made.settings, prefix="REFERENCE_"))
    assert [key for key, _ in caught.value.faults] == ["backends.0.service", "backends.1.trust"]


async def test_behind_a_load_balancer_the_address_is_the_one_that_it_tells(made: Rehearsal) -> None:
    balanced = '[gate]\nproxy_protocol_from = ["127.0.0.1/32"]'
    async with started(made, lambda text: text.replace("[gate]", balanced)) as reference:
        port = reference.at.gate.port
        async with plain_line(port, told("203.0.113.7")) as caller:
            await caller.writer.start_tls(client_context(None, trust=made.authorities), server_hostname="localhost")
            seen = await (await caller.send(get("/whoami"))).answer()
        async with plain_line(port, get("/whoami")) as caller:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await caller.reader.readexactly(1)
        place = f"http://127.0.0.1:{reference.at.operator.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(place) as metrics:
            assert 'gate_turned_away_total{reason="no_header"} 1.0' in await metrics.text()
    assert json.loads(seen.body)["address"] == "203.0.113.7"


async def test_the_operators_port_counts_calls_at_the_gate(made: Rehearsal) -> None:
    async with started(made) as reference, aiohttp.ClientSession() as session:
        await reference.system.send(reference.at.gate.port, CALL)
        place = f"http://127.0.0.1:{reference.at.operator.port}"
        async with session.get(f"{place}/readyz") as ready, session.get(f"{place}/metrics") as metrics:
            assert ready.status == 200
            assert 'gate_calls_total{reason="address_unknown",verdict="refused"} 1.0' in await metrics.text()


async def test_the_audit_file_gets_the_passages_and_is_for_its_owner_alone(made: Rehearsal) -> None:
    audit = made.settings.parent / "audit.jsonl"
    made.settings.write_text(f'audit = "audit.jsonl"\n{made.settings.read_text()}')
    for _ in range(2):
        async with started(made) as reference:
            await reference.system.send(reference.at.gate.port, CALL)
            assert reference.lines("passage") == []
    assert [json.loads(line)["event"] for line in audit.read_text().splitlines()] == ["passage", "passage"]
    assert audit.stat().st_mode & 0o777 == 0o600


def test_every_fault_in_the_files_is_told_at_once(made: Rehearsal) -> None:
    folder = made.settings.parent
    (folder / "authorities.pem").unlink()
    (folder / "server.key").write_bytes(kit.server().key_pem())
    with pytest.raises(SettingsFault) as caught:
        build(load(ReferenceSettings, made.settings, prefix="REFERENCE_"))
    assert [key for key, _ in caught.value.faults] == ["authorities", "gate.certificate", "registry.certificate"]
    assert "does not belong" in str(caught.value)


async def fault(made: Rehearsal, change: Callable[[str], str] = lambda text: text) -> tuple[str, str]:
    with pytest.raises(SettingsFault) as caught:
        async with started(made, change):
            pass
    (only,) = caught.value.faults
    return only


async def test_a_book_that_is_none_is_told(made: Rehearsal) -> None:
    (made.settings.parent / "book.sqlite").write_bytes(b"no database, but a text of more than a hundred octets" * 9)
    key, what = await fault(made)
    assert (key, "cannot be opened as a registry's book" in what) == ("book", True)


async def test_an_audit_file_that_cannot_be_written_is_told(made: Rehearsal) -> None:
    key, what = await fault(made, lambda text: f'audit = "nowhere/audit.jsonl"\n{text}')
    assert (key, "No such file or directory" in what) == ("audit", True)


@pytest.mark.parametrize("face", ["gate", "registry", "operator"])
async def test_a_port_that_is_taken_is_told_by_its_face(made: Rehearsal, face: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def take(text: str) -> str:
            head, section, tail = text.partition(f"[{face}]")
            return head + section + tail.replace("port = 0", f"port = {port}", 1)

        key, what = await fault(made, take)
    assert (key, "is taken by another process" in what) == (face, True)
