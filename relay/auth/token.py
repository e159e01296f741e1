"""Tokens (JWT, RFC 7519), judged: what one says, and whether that holds. The signature comes last: it costs most.

Nothing in a token's header is believed: `kid` only finds a key in the issuer's own set, `alg` has to be one of the
issuer's, and `jku`, `x5u`, `jwk` and `typ` are not looked at. Extensions that have to be understood (`crit`) are not.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from jwt import PyJWTError
from jwt.api_jwk import PyJWK

from relay.auth.issuer import Issuer

# Seconds by which the clocks of directory and relay may differ.
SKEW: Final = 300.0

_FORM: Final = re.compile(rb"([A-Za-z0-9_-]{2,4096})\.([A-Za-z0-9_-]{2,65536})\.([A-Za-z0-9_-]{2,2048})\Z")


class Fault(StrEnum):
    """Why a token proves nobody. For the operator alone: callers never hear which."""

    FORM = "form"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    AUDIENCE = "audience"
    TENANT = "tenant"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    APPLICATION = "application"
    GRANT = "grant"
    KEY = "key"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it came: nothing of it is proven yet."""

    text: bytes
    algorithm: str
    kid: str
    claims: Mapping[str, Any]

    @property
    def iss(self) -> str:
        """The issuer, where that is a text: a claim nested deep enough cannot even be written as one."""
        iss = self.claims.get("iss")
        return iss if isinstance(iss, str) else ""


@dataclass(frozen=True, slots=True)
class Says:
    """What a token says that an issuer could have said: until when (seconds of the epoch), of whom, with what rights.

    `delegated`: it acts for a user, whose rights they then are.
    """

    until: float
    application: str
    roles: frozenset[str]
    scopes: frozenset[str]
    delegated: bool


def read(text: bytes) -> Token | None:
    """Return a token of three parts in base64url, whose header and claims are JSON objects; None for all else."""
    match = _FORM.match(text)
    if match is None:
        return None
    header, claims = _object(match[1]), _object(match[2])
    if header is None or claims is None or "crit" in header:
        return None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        return None
    return Token(text, algorithm, kid, claims)


def judged(token: Token, issuer: Issuer, now: float) -> Says | Fault:
    """Return what the token says, as far as its issuer could have said that for us and now, or what is wrong.

    A token for several audiences lies with each of them, and any could show it here. RFC 7519, section 4.1.3, says
    when it must be refused and not when it must be taken, so all of its audiences have to be ours.
    """
    claims = token.claims
    claim = issuer.applications.get(token.iss)
    if claim is None:
        return Fault.ISSUER
    if token.algorithm not in issuer.algorithms:
        return Fault.ALGORITHM
    audiences = _texts(claims.get("aud"))
    if not audiences or not audiences <= issuer.audiences:
        return Fault.AUDIENCE
    if issuer.tenant_id is not None and claims.get("tid") != issuer.tenant_id:
        return Fault.TENANT
    until = _moment(claims.get("exp"))
    if until is None or now >= until + SKEW:
        return Fault.EXPIRED
    if "nbf" in claims:
        since = _moment(claims["nbf"])
        if since is None or now < since - SKEW:
            return Fault.NOT_YET_VALID
    application = claims.get(claim)
    if not isinstance(application, str):
        return Fault.APPLICATION
    scopes = claims.get(issuer.scopes)
    return Says(
        until=until + SKEW,
        application=application,
        roles=_texts(claims.get("roles")),
        scopes=frozenset(scopes.split()) if isinstance(scopes, str) else _texts(scopes),
        delegated=issuer.delegated_by_scopes and issuer.scopes in claims,
    )


def signed(token: Token, key: PyJWK) -> bool:
    """Whether the issuer's key signed the token, by the one algorithm that the key is for.

    The library would take the token apart once more for this, which costs as much as the signature itself.
    """
    said, _, signature = token.text.rpartition(b".")
    if key.algorithm_name != token.algorithm:
        return False
    try:
        return bool(key.Algorithm.verify(said, key.key, _octets(signature)))
    except (PyJWTError, ValueError, TypeError):  # what libraries say of a signature of another length
        return False


def _object(part: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(_octets(part))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _octets(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def _texts(value: object) -> frozenset[str]:
    """Return the texts of a claim that is one or a list of them; none where anything else is among them."""
    if isinstance(value, str):
        return frozenset((value,))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    return frozenset()


def _moment(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
