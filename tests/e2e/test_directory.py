"""A real directory gives a token to a real client, and the call passes; its keys rotate, and the next call passes."""

import asyncio
from pathlib import Path

import msal  # type: ignore[import-untyped]  # the library has no types
import pytest

from tests.kit import upstream as up
from tests.kit.line import line, request
from tests.kit.oidc import RealDirectory, real_directory
from tests.kit.relay import PATH, Relay, relay

pytestmark = [pytest.mark.one_process, pytest.mark.slow]


def _token(directory: RealDirectory, application: str, trust: Path) -> str:
    """Return a token that the directory gives an application, as Microsoft's own library gets it."""
    client = msal.ConfidentialClientApplication(
        application, client_credential=f"{application}-secret", oidc_authority=directory.issuer, verify=str(trust)
    )
    given = client.acquire_token_for_client(scopes=["relay.call"])
    assert "access_token" in given, given
    return str(given["access_token"])


async def _status(here: Relay, token: str) -> int:
    async with line(here.port) as caller:
        call = request("GET", PATH, ("Authorization", f"Bearer {token}"))
        return (await (await caller.send(call)).answer()).status


async def test_a_token_of_a_real_directory_passes_before_and_after_its_keys_rotate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # they would go before the trust that the client is given
    trust = tmp_path / "trust.pem"
    with real_directory(tmp_path) as directory:
        changes: dict[str, object] = {
            "directories.real.issuer": directory.issuer,
            "directories.real.audiences": ["https://relay.example"],
            "directories.real.trust": "trust.pem",
            "clients.portal.tenants": ["linde"],
            "clients.portal.tokens": [{"directory": "real", "application": "portal", "scope": "relay.call"}],
        }
        async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
            first = await asyncio.to_thread(_token, directory, "portal", trust)
            assert await _status(here, first) == 200
            assert await _status(here, await asyncio.to_thread(_token, directory, "stranger", trust)) == 401
            directory.rotate()
            second = await asyncio.to_thread(_token, directory, "portal", trust)
            directory.asked()
            assert [await _status(here, second) for _ in range(3)] == [200, 200, 200]
            assert [path for path in directory.asked() if path.endswith("/jwks")] == ["/realm/v2.0/jwks"]
            # The key that signed it is gone, and what was known by it went with it.
            assert await _status(here, first) == 401
            assert len(upstream.requests) == 4
            assert not any(b"Bearer" in each.head for each in upstream.requests)
