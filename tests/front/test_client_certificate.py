"""Callers with a client certificate, over real handshakes: the right one is known, any other refused in HTTP."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import pytest

from relay.authority.issued import Issued
from relay.compose.relay import certificates
from relay.x509.identity import readable
from relay.x509.tickets import new_ticket_keys
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.caller import Caller, Seen
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, Relay, relay

VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"]
)
SYSTEM = readable(kit.system().certificate.subject)


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_LOOK_EVERY", 0.02)


def settings(folder: Path, *entries: dict[str, str], **more: object) -> dict[str, object]:
    """Return changes by which `dynamics` has a key, and `central` these certificates."""
    (folder / "callers.pem").write_bytes(kit.authority().trust_pem())
    return {
        "listen.client_authorities": "callers.pem",
        "clients.central.tenants": ["linde"],
        "clients.central.certificates": list(entries) or [{"subject": SYSTEM}],
    } | {name.replace("__", "."): value for name, value in more.items()}


def pin(issued: Issued) -> dict[str, str]:
    return {"fingerprint": kit.fingerprint(issued)}


def by_subject(issued: Issued) -> dict[str, str]:
    return {"subject": readable(issued.certificate.subject)}


def caller_of(here: Relay, certificate: Issued | None, version: ssl.TLSVersion | None = None) -> Caller:
    return Caller(certificate, trust=here.folder / "trust.pem", version=version)


async def call(here: Relay, caller: Caller, *fields: tuple[str, str]) -> Seen:
    [seen] = await caller.send(here.port, request("POST", PATH, *fields, body=b"x"))
    return seen


def code(seen: Seen) -> str:
    """Return what came of a call: VECOZO's answer, or the relay's own, which has to be complete."""
    if seen.status == 200:
        return "200"
    told = orjson.loads(seen.body)
    assert seen.status == told["status"] == 401
    assert told["sent"] == "false"
    assert told["request_id"]
    return str(told["code"])


@dataclass(frozen=True)
class Case:
    """Who is known, what is shown, and what comes of it."""

    known: Callable[[], dict[str, str]]
    shown: Callable[[], Issued] | None
    expected: str


def known_system() -> dict[str, str]:
    return by_subject(kit.system())


FOREIGN, UNKNOWN = "client_certificate_foreign", "caller_unknown"
CASES: Final[dict[str, Case]] = {
    "own authority": Case(known_system, kit.system, "200"),
    "own authority, another subject": Case(known_system, kit.other_system, UNKNOWN),
    "own authority, subject not in full": Case(lambda: {"subject": f"CN={kit.USER_NUMBER}"}, kit.system, UNKNOWN),
    "foreign authority, right subject": Case(known_system, kit.foreign, FOREIGN),
    "expired": Case(lambda: by_subject(kit.expired()), kit.expired, "client_certificate_expired"),
    "not yet valid": Case(
        lambda: by_subject(kit.not_yet_valid()), kit.not_yet_valid, "client_certificate_not_yet_valid"
    ),
    "for servers only": Case(lambda: by_subject(kit.server()), kit.server, "client_certificate_wrong_purpose"),
    "pinned": Case(lambda: pin(kit.foreign()), kit.foreign, "200"),
    "pinned, expired": Case(lambda: pin(kit.expired()), kit.expired, "client_certificate_expired"),
    "pinned, not yet valid": Case(
        lambda: pin(kit.not_yet_valid()), kit.not_yet_valid, "client_certificate_not_yet_valid"
    ),
    "pinned, for servers only": Case(lambda: pin(kit.server()), kit.server, "client_certificate_wrong_purpose"),
    "not pinned": Case(lambda: pin(kit.other_system()), kit.system, UNKNOWN),
    "not pinned, foreign": Case(lambda: pin(kit.system()), kit.foreign, FOREIGN),
    "none": Case(known_system, None, UNKNOWN),
}


@VERSIONS
@pytest.mark.parametrize("name", CASES)
async def test_a_caller_is_known_or_refused_by_its_certificate_on_new_and_on_resumed_connections(
    tmp_path: Path, name: str, version: ssl.TLSVersion
) -> None:
    case = CASES[name]
    changes = settings(tmp_path, case.known())
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        caller = caller_of(here, case.shown() if case.shown else None, version)
        seen = [await call(here, caller) for _ in range(3)]
        assert [each.resumed for each in seen] == [False, True, True]
        assert [code(each) for each in seen] == [case.expected] * 3
        passed = 3 if case.expected == "200" else 0
        assert len(upstream.requests) == passed
        assert bool(upstream.octets) == bool(passed)
        await until(lambda: len(here.exchanges) == 3)
        told = {(each["client"], each.get("cause", "")) for each in here.exchanges}
        assert told == {("central", "") if passed else ("", case.expected)}
        assert code(await call(here, caller_of(here, None, version), here.authorised)) == "200"


def _twice_without_tickets(here: Relay, issued: Issued | None) -> list[tuple[bool | None, str]]:
    """Call twice, and end each connection in order: OpenSSL forgets the session of one that ends otherwise."""
    caller = caller_of(here, issued, ssl.TLSVersion.TLSv1_2)
    caller._context.options |= ssl.OP_NO_TICKET
    told = []
    for _ in range(2):
        with caller._connected(here.port) as connection:
            seen = caller._exchange(connection, request("POST", PATH, body=b"x"))
            told.append((connection.session_reused, code(seen)))
            caller._session = connection.session
            connection.unwrap()
    return told


@pytest.mark.one_process
@pytest.mark.parametrize(("shown", "expected"), [(kit.system, "200"), (kit.foreign, FOREIGN), (None, UNKNOWN)])
async def test_a_caller_that_knows_no_tickets_resumes_by_its_sessions_number_and_is_judged_alike(
    tmp_path: Path, shown: Callable[[], Issued] | None, expected: str
) -> None:
    async with (
        upstream_kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=settings(tmp_path)) as here,
    ):
        told = await asyncio.to_thread(_twice_without_tickets, here, shown() if shown else None)
        assert told == [(False, expected), (True, expected)]


@VERSIONS
async def test_callers_without_a_certificate_go_on_with_their_keys(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with (
        upstream_kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=settings(tmp_path)) as here,
    ):
        caller = caller_of(here, None, version)
        seen = [await call(here, caller, here.authorised) for _ in range(2)]
        assert [(code(each), each.resumed) for each in seen] == [("200", False), ("200", True)]
        assert here.exchanges[0]["client"] == "dynamics"


TOGETHER: Final = {
    "of two clients": (kit.system, "central", UNKNOWN),
    "of one client": (kit.system, "dynamics", "200"),
    "certificate of nobody": (kit.other_system, "central", UNKNOWN),
    "foreign certificate": (kit.foreign, "central", FOREIGN),
    "expired certificate": (kit.expired, "central", "client_certificate_expired"),
}


@pytest.mark.parametrize("case", TOGETHER)
async def test_with_a_key_and_a_certificate_both_have_to_be_right_and_of_one_client(tmp_path: Path, case: str) -> None:
    shown, owner, expected = TOGETHER[case]
    (tmp_path / "callers.pem").write_bytes(kit.authority().trust_pem())
    changes: dict[str, object] = {
        "listen.client_authorities": "callers.pem",
        f"clients.{owner}.tenants": ["linde"],
        f"clients.{owner}.certificates": [{"subject": SYSTEM}],
    }
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        seen = await call(here, caller_of(here, shown()), here.authorised)
        assert code(seen) == expected
        wrong = await call(here, caller_of(here, shown()), ("X-Api-Key", here.key[:-1] + "~"))
        assert code(wrong) == (UNKNOWN if expected == "200" else expected)
        assert bool(upstream.octets) == (expected == "200")


async def _asked(here: Relay, version: ssl.TLSVersion) -> bool:
    """Whether the relay asks for a certificate in a handshake."""
    messages: list[object] = []
    caller = caller_of(here, None, version)
    caller._context._msg_callback = lambda *said: messages.append(said[4])  # type: ignore[attr-defined]  # in no stub
    await call(here, caller, here.authorised)
    return "CERTIFICATE_REQUEST" in {getattr(message, "name", "") for message in messages}


@VERSIONS
async def test_a_certificate_is_asked_for_only_where_a_client_has_one(tmp_path: Path, version: ssl.TLSVersion) -> None:
    async with upstream_kit.running() as upstream:
        async with relay(tmp_path, upstream.port) as here:
            assert not await _asked(here, version)
        async with relay(tmp_path, upstream.port, changes=settings(tmp_path)) as here:
            assert await _asked(here, version)


@pytest.mark.one_process
@VERSIONS
async def test_a_caller_stays_known_through_a_renewed_server_certificate_and_fresh_ticket_keys(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async with (
        upstream_kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=settings(tmp_path)) as here,
    ):
        caller, foreign = caller_of(here, kit.system(), version), caller_of(here, kit.foreign(), version)
        seen = [(await call(here, caller), await call(here, foreign)) for _ in range(2)]
        renewed = kit.authority().issue_server(["localhost"], at=kit.AT)
        (tmp_path / "server.pem").write_bytes(renewed.chain_pem())
        (tmp_path / "server.key").write_bytes(renewed.key_pem())
        await until(lambda: any(line["event"] == "server_certificate_taken" for line in here.lines))
        seen += [(await call(here, caller), await call(here, foreign)) for _ in range(2)]
        here.reception.rotate(new_ticket_keys())
        seen += [(await call(here, caller), await call(here, foreign)) for _ in range(2)]
        assert [one.resumed for one, _ in seen] == [False, True, True, True, False, True]
        assert [(code(one), code(other)) for one, other in seen] == [("200", FOREIGN)] * 6


def _events(here: Relay, name: str) -> list[dict[str, object]]:
    return [line for line in here.lines if line["event"] == name]


async def test_a_revoked_certificate_counts_no_more_on_kept_and_resumed_connections_and_a_bad_list_changes_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "list.crl"
    file.write_bytes(kit.revocations())
    changes = settings(tmp_path, listen__client_revocations="list.crl")
    one = request("POST", PATH, body=b"x")
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        caller = caller_of(here, kit.system())
        assert code(await call(here, caller)) == "200"
        async with line(here.port, caller._context) as kept:
            assert (await (await kept.send(one)).answer()).status == 200
            file.write_bytes(kit.revocations(kit.system()))
            await until(lambda: bool(_events(here, "client_trust_taken")))
            answer = await (await kept.send(one)).answer()
            assert (answer.status, orjson.loads(answer.body)["code"]) == (401, "client_certificate_revoked")
        file.write_bytes(b"half of")
        await until(lambda: bool(_events(here, "client_trust_refused")))
        seen = await call(here, caller)
        assert (seen.resumed, code(seen)) == (True, "client_certificate_revoked")
        [refused] = _events(here, "client_trust_refused")
        assert refused["key"] == "listen.client_revocations"
        assert "list.crl" in str(refused["detail"])
        scraped = await here.scrape()
        assert 'relay_client_trust_reloads_total{result="taken"} 1.0' in scraped
        assert 'relay_client_trust_reloads_total{result="refused"} 1.0' in scraped
        file.write_bytes(kit.revocations())
        await until(lambda: len(_events(here, "client_trust_taken")) == 2)
        assert code(await call(here, caller)) == "200"
        assert len(upstream.requests) == 3


async def test_a_list_that_should_have_been_replaced_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.crl").write_bytes(kit.revocations(due=kit.AT))
    changes = settings(tmp_path, listen__client_revocations="list.crl")
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        [doubt] = _events(here, "client_revocations_doubtful")
        assert (doubt["level"], doubt["key"]) == ("warning", "listen.client_revocations")
        assert code(await call(here, caller_of(here, kit.system()))) == "200"
