"""Callers resume through a renewal of the server certificate; a bad one changes nothing; keys are told to nobody."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.compose.relay import certificates
from relay.x509 import openssl
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


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_LOOK_EVERY", 0.02)


def renewed(*names: str) -> Issued:
    return kit.authority().issue_server(names or ["localhost"], at=kit.AT - timedelta(hours=1))


def put(here: Relay, issued: Issued) -> None:
    (here.folder / "server.pem").write_bytes(issued.chain_pem())
    (here.folder / "server.key").write_bytes(issued.key_pem())


async def told(here: Relay, event: str) -> dict[str, object]:
    await until(lambda: any(entry["event"] == event for entry in here.lines))
    return next(entry for entry in here.lines if entry["event"] == event)


async def call(here: Relay, caller: Caller) -> Seen:
    [seen] = await caller.send(here.port, request("GET", PATH, here.authorised))
    assert seen.status == 200
    return seen


def caller_of(here: Relay, version: ssl.TLSVersion | None = None) -> Caller:
    return Caller(None, trust=here.folder / "trust.pem", version=version)


async def shown_to(here: Relay) -> int:
    """Return the serial number of the certificate that a caller is shown."""
    async with line(here.port) as caller:
        connection = caller.writer.get_extra_info("ssl_object")
        return int(connection.getpeercert()["serialNumber"], 16)


@VERSIONS
async def test_a_caller_resumes_after_the_server_certificate_was_renewed(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    new = renewed()
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        caller = caller_of(here, version)
        resumed = [(await call(here, caller)).resumed for _ in range(2)]
        put(here, new)
        await told(here, "server_certificate_taken")
        resumed += [(await call(here, caller)).resumed for _ in range(2)]
        assert await shown_to(here) == new.certificate.serial_number
    assert resumed == [False, True, True, True]


@VERSIONS
async def test_a_caller_resumes_no_more_after_a_rotation_and_then_does_again(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        caller = caller_of(here, version)
        resumed = [(await call(here, caller)).resumed for _ in range(2)]
        here.reception.rotate(new_ticket_keys())
        resumed += [(await call(here, caller)).resumed for _ in range(2)]
        put(here, renewed())
        await told(here, "server_certificate_taken")
        resumed.append((await call(here, caller)).resumed)
    assert resumed == [False, True, False, True, True]


async def test_keys_rotate_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_ROTATE_EVERY", 0.02)
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        first = here.reception._keys
        await until(lambda: here.reception._keys != first)
        here.reception.rotate(first)
        await until(lambda: here.reception._keys != first)


async def test_a_renewed_certificate_is_told_in_log_and_metrics_and_cuts_nobody_off(tmp_path: Path) -> None:
    new = renewed()
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        put(here, new)
        taken = await told(here, "server_certificate_taken")
        assert (await (await caller.send(request("GET", PATH, here.authorised))).answer()).status == 200
        scraped = await here.scrape()
    assert int(str(taken["certificate"]), 16) == new.certificate.serial_number
    assert 'relay_server_certificate_reloads_total{result="taken"} 1.0' in scraped
    name = "relay_server_certificate_not_after_timestamp_seconds"
    [row] = [row for row in scraped.splitlines() if row.startswith(f"{name} ")]
    assert float(row.split()[-1]) == new.certificate.not_valid_after_utc.timestamp()


@pytest.mark.parametrize("octets", [b"", b"half of", kit.system().key_pem()], ids=["empty", "rubbish", "of another"])
async def test_a_bad_new_certificate_changes_nothing_and_says_so(tmp_path: Path, octets: bytes) -> None:
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        caller = caller_of(here)
        await call(here, caller)
        (tmp_path / "server.key").write_bytes(octets)
        refused = await told(here, "server_certificate_refused")
        assert (await call(here, caller)).resumed
        assert await shown_to(here) == kit.server().certificate.serial_number
        scraped = await here.scrape()
    assert (refused["level"], refused["key"]) == ("error", "listen.certificate")
    assert "server.key" in str(refused["detail"])
    assert 'relay_server_certificate_reloads_total{result="refused"} 1.0' in scraped


async def test_the_names_of_a_renewed_certificate_are_gone_by(tmp_path: Path) -> None:
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        call = request("GET", PATH, here.authorised, host="relay.example")
        assert (await (await caller.send(call)).answer()).status == 421
        put(here, renewed("localhost", "relay.example"))
        await told(here, "server_certificate_taken")
        assert (await (await caller.send(call)).answer()).status == 200


async def test_where_openssl_is_out_of_reach_the_relay_runs_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach() -> openssl.OpenSSL:
        raise openssl.OpenSSLOutOfReach("elsewhere")

    openssl._prove_the_place.cache_clear()
    monkeypatch.setattr(openssl, "openssl", out_of_reach)
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        here.reception.rotate(new_ticket_keys())
        caller = caller_of(here)
        assert [(await call(here, caller)).resumed for _ in range(2)] == [False, True]
        warnings = [entry for entry in here.lines if entry["event"] == "ticket_keys_out_of_reach"]
    assert len(warnings) == 1


async def test_ticket_keys_are_told_to_nobody(tmp_path: Path) -> None:
    keys = b"A" * 80
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        here.reception.rotate(keys)
        put(here, renewed())
        await told(here, "server_certificate_taken")
        first = repr(here.reception._built.listener.ticket_keys)[2:-1]
        shown = repr(here.reception) + repr(here.reception._built) + here.out.getvalue().decode()
    assert "AAAAAAAA" not in shown
    assert first not in shown
