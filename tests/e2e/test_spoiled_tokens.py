"""Tokens of a real issuer, each spoiled in one way: refused without a byte upstream, while healthy ones pass."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from relay.auth.token import SKEW
from tests.kit import directory as entra
from tests.kit import upstream as up
from tests.kit.line import line, request
from tests.kit.oidc import Spoiling, spoiling_issuer
from tests.kit.relay import PATH, Relay, relay

pytestmark = [pytest.mark.slow, pytest.mark.one_process]

# Past what clocks may differ by, with room for the test itself.
_BEYOND = SKEW + 60

# What each is asked of the issuer with: claims over those in order, the head over its own, what is done once signed.
SPOILS: dict[str, dict[str, Any]] = {
    "of another audience": {"claims": {"aud": "api://another"}},
    "for us and another": {"claims": {"aud": [entra.AUDIENCE, "api://another"]}},
    "without an audience": {"claims": {"aud": None}},
    "issuer with another slash": {"claims": {"iss": f"{entra.V2}/"}},
    "of a foreign directory": {"claims": {"tid": entra.OTHER_TENANT}},
    "of a foreign directory, as it says": {
        "claims": {"tid": entra.OTHER_TENANT, "iss": entra.V2.replace(entra.TENANT, entra.OTHER_TENANT)}
    },
    "of a foreign application": {"claims": {"azp": entra.APPLICATION.replace("a", "c")}},
    "without a role": {"claims": {"roles": None}},
    "of another role": {"claims": {"roles": ["Relay.Read"]}},
    "expired beyond the skew": {"claims": {"exp": -_BEYOND}},
    "not valid yet": {"claims": {"nbf": _BEYOND}},
    "never expiring": {"claims": {"exp": None}},
    "by an unknown key": {"head": {"kid": "two"}},
    "with what must be understood": {"head": {"b64": True, "crit": ["b64"]}},
    "alg none": {"wreck": "none"},
    "HS256 with the public key": {"wreck": "confused"},
    "changed once signed": {"wreck": "swapped"},
    "without its signature": {"wreck": "unsigned"},
}


async def _token(issuer: Spoiling, claims: dict[str, Any], **how: Any) -> str:
    now = int(time.time())
    moments = {name: now + int(claims[name]) for name in ("exp", "nbf") if isinstance(claims.get(name), (int, float))}
    # Each is another, so that none is known from before.
    told = entra.claims() | {"uti": time.monotonic_ns()} | claims | moments
    return await asyncio.to_thread(issuer.token, told, **how)


async def _status(here: Relay, token: str) -> int:
    async with line(here.port) as caller:
        call = request("GET", PATH, ("Authorization", f"Bearer {token}"))
        return (await (await caller.send(call)).answer()).status


async def test_each_spoiled_token_is_refused_and_a_healthy_one_passes_before_and_after(tmp_path: Path) -> None:
    with spoiling_issuer(tmp_path) as issuer:
        directory = entra.Directory(port=issuer.port)
        changes = directory.settings | {"directories.entra.keys_url": f"{directory.origin}/jwks"}
        async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
            assert await _status(here, await _token(issuer, {})) == 200
            told = {}
            for name, spoil in SPOILS.items():
                before = len(upstream.octets)
                spoiled = await _token(issuer, **({"claims": {}} | spoil))
                told[name] = (await _status(here, spoiled), len(upstream.octets) - before)
                assert await _status(here, await _token(issuer, {})) == 200
            assert told == dict.fromkeys(SPOILS, (401, 0))


async def test_what_is_within_the_skew_passes(tmp_path: Path) -> None:
    with spoiling_issuer(tmp_path) as issuer:
        directory = entra.Directory(port=issuer.port)
        changes = directory.settings | {"directories.entra.keys_url": f"{directory.origin}/jwks"}
        async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
            for claims in ({"exp": -SKEW / 2}, {"nbf": SKEW / 2}, {"aud": entra.APP_ID_URI}):
                assert await _status(here, await _token(issuer, claims)) == 200
