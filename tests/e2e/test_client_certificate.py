"""A caller's certificate is known on every worker: in sessions begun with another, and as what counts changes."""

import os
import signal
import ssl
from pathlib import Path

import orjson
import pytest

from relay.x509.identity import readable
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.caller import Caller
from tests.kit.door import until
from tests.kit.line import request
from tests.kit.relay import PATH
from tests.kit.served import Served, served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"])
async def test_a_certificate_shown_to_one_worker_is_judged_by_all_and_by_newcomers(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    (tmp_path / "callers.pem").write_bytes(kit.authority().trust_pem())
    (tmp_path / "list.crl").write_bytes(kit.revocations())
    changes = {
        "workers": 2,
        "listen.client_authorities": "callers.pem",
        "listen.client_revocations": "list.crl",
        "clients.central.tenants": ["linde"],
        "clients.central.certificates": [{"subject": readable(kit.system().certificate.subject)}],
    }
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=changes) as here:
            shown = (kit.system(), kit.foreign(), None)
            callers = [Caller(each, trust=tmp_path / "trust.pem", version=version) for each in shown]
            one, other = here.workers()
            assert await _asked(here, one, callers) == [False, "200", False, "foreign", False, "unknown"]
            assert await _asked(here, other, callers) == [True, "200", True, "foreign", True, "unknown"]
            new = kit.authority().issue_server(["localhost"], at=kit.AT)
            (tmp_path / "server.pem").write_bytes(new.chain_pem())
            (tmp_path / "server.key").write_bytes(new.key_pem())
            await until(lambda: here.events("server_certificate_taken"), seconds=10)
            assert await _asked(here, one, callers) == [True, "200", True, "foreign", True, "unknown"]
            fresh = [Caller(each, trust=tmp_path / "trust.pem", version=version) for each in shown]
            assert await _asked(here, other, fresh) == [False, "200", False, "foreign", False, "unknown"]
            (tmp_path / "list.crl").write_bytes(kit.revocations(kit.system()))
            await until(lambda: here.events("client_trust_taken"), seconds=10)
            for worker in (one, other):
                assert await _asked(here, worker, callers) == [True, "revoked", True, "foreign", True, "unknown"]
            passed = len(upstream.requests)
            os.kill(one, signal.SIGKILL)
            await until(lambda: here.replaced(one), seconds=10)
            newcomer = next(worker for worker in here.workers() if worker != other)
            assert await _asked(here, newcomer, callers) == [True, "revoked", True, "foreign", True, "unknown"]
            assert len(upstream.requests) == passed == 4


async def _asked(here: Served, worker: int, callers: list[Caller]) -> list[bool | str]:
    """Have a certain worker take a call of each caller: return whether it resumed, and what came of it."""
    told: list[bool | str] = []
    with here.only(worker):
        for caller in callers:
            [seen] = await caller.send(here.port, request("POST", PATH, body=b"x"))
            code = "200" if seen.status == 200 else str(orjson.loads(seen.body)["code"]).rpartition("_")[2]
            told += [seen.resumed, code]
    return told
