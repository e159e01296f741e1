"""Everything that is decided from a call's head alone, before a byte goes anywhere: who, for whom, where to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.auth.caller import Authenticator, Awaited, Caller
from relay.auth.sources import Ranges
from relay.errors import (
    BodyTooLarge,
    ExpectationUnknown,
    MalformedRequest,
    MethodRefused,
    MethodUnknown,
    NotPermitted,
    SourceRefused,
    TenantUnclear,
    WrongHost,
)
from relay.gateway.meter import Meter
from relay.message.framing import Framing, Length
from relay.message.head import RequestHead
from relay.message.query_key import without_key
from relay.message.target import Target, target_of
from relay.tenant.directory import TENANT_FIELD, Directory, Tenant, prefix_of, tenant_in
from relay.tenant.policy import MISSES, Condition, Policy
from relay.tenant.routing import Route

METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
SAFE: Final = frozenset((b"GET", b"HEAD", b"OPTIONS"))
_REFUSED: Final = frozenset((b"CONNECT", b"TRACE"))
ACTOR_FIELD: Final = b"x-relay-actor"
_LONGEST_ACTOR: Final = 128
# As many digits as a BSN has, with or without the zero that it may begin with: no log takes them.
_AS_A_BSN: Final = (8, 9)
# A BSN among other words. No part of a GUID looks so: they have 4, 8 and 12 digits.
_NINE_DIGITS: Final = re.compile(rb"(?<![0-9A-Za-z])[0-9]{9}(?![0-9A-Za-z])")
_WEIGHTS: Final = (9, 8, 7, 6, 5, 4, 3, 2, -1)


class Placed:
    """A call that may go on: for which tenant, over which route.

    `target` is the one at VECOZO; `prefix` what stood before it to name the tenant, if anything did.
    """

    __slots__ = ("prefix", "route", "target", "tenant")

    def __init__(self, tenant: Tenant, route: Route, target: Target, prefix: bytes) -> None:
        self.tenant: Final = tenant
        self.route: Final = route
        self.target: Final = target
        self.prefix: Final = prefix

    def __repr__(self) -> str:
        return f"<Placed {self.tenant.name}/{self.route.name}>"

    def harmless(self, method: bytes) -> bool:
        """Whether a repeat of this call does no harm, so that its failure may be told as one."""
        return self.route.repeatable or method in SAFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The order of the questions: is it HTTP, is it for us, who asks and from where, for whom, where to, how much.

    `sources` has the ranges of those clients that may not call from anywhere, `policies` what those may do that may not
    do all that their tenants may.
    """

    authenticator: Authenticator
    sources: Mapping[str, Ranges]
    directory: Directory
    hosts: "Hosts"
    max_body: int
    policies: Mapping[str, Policy]
    meter: Meter

    def known(self, head: RequestHead, certificate: bytes | None, at: datetime) -> tuple[Target, Caller | Awaited]:
        """Return where the call wants to go, and who makes it, now or later.

        Raises the RelayError of the first wrong thing. `certificate` is what the caller showed in
        TLS (DER), if anything.
        """
        if head.method not in METHODS:
            if head.method in _REFUSED:
                raise MethodRefused(f"{head.method.decode()} is not relayed")
            raise MethodUnknown("the method is not one of HTTP's")
        target = target_of(head)
        if target.host not in self.hosts:
            raise WrongHost("the Host field names no host that is served here")
        return target, self.authenticator.authenticate(head, certificate, at)

    def comes_from(self, caller: Caller, peer: str) -> None:
        """Look whether this client may call from the address `peer`. Raises SourceRefused."""
        if (ranges := self.sources.get(caller.client)) is not None and peer not in ranges:
            raise SourceRefused(f"client {caller.client} may not call from {peer or 'an unknown address'}")

    def placed(self, head: RequestHead, framing: Framing, target: Target, caller: Caller) -> Placed:
        """Return the call's tenant and route. Raises the RelayError of the first wrong thing."""
        named, in_path, prefix = _tenant_named(head), tenant_in(target.path), b""
        if in_path is None:
            tenant = self.directory.tenant_for(caller, named)
        else:
            if named is not None and named != in_path:
                raise TenantUnclear("X-Relay-Tenant and the path name two tenants")
            tenant, prefix = self.directory.tenant_for(caller, in_path, by="the path"), prefix_of(in_path)
            target = target.below(prefix)
        route = tenant.routes.route_for(target.path)
        if isinstance(framing, Length) and framing.octets > self.max_body:
            raise BodyTooLarge(f"Content-Length is over the limit of {self.max_body} octets")
        expected = head.fields.first(b"expect")
        if expected is not None and expected.lower() != b"100-continue":
            raise ExpectationUnknown("Expect holds something other than 100-continue")
        octets = without_key(target.octets)
        if octets is not target.octets:
            target = Target(octets, target.path, target.host)
        return Placed(tenant, route, target, prefix)

    def permitted(
        self, policy: Policy, head: RequestHead, framing: Framing, route: Route, at: datetime
    ) -> Condition | None:
        """Return what the client's policy would refuse, were it enforced. Raises NotPermitted or BodyTooLarge."""
        miss = policy.miss(head, framing, route, at)
        if miss is None or not policy.enforced:
            return miss
        if miss is Condition.MAX_BODY:
            raise BodyTooLarge(MISSES[miss])
        raise NotPermitted(MISSES[miss], condition=miss.value)


class Hosts:
    """The names under which callers may reach us; `*.` stands for exactly one label."""

    def __init__(self, names: frozenset[str]) -> None:
        self.use(names)

    def use(self, names: frozenset[str]) -> None:
        """Go by these names from now on, as when a new server certificate has others."""
        self._names = frozenset(name.lower() for name in names)

    def __contains__(self, host: str) -> bool:
        return host in self._names or f"*.{host.partition('.')[2]}" in self._names

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return sorted(self._names)

    def __repr__(self) -> str:
        return f"<Hosts {', '.join(self.names)}>"


def _tenant_named(head: RequestHead) -> bytes | None:
    places = head.fields.shape.where.get(TENANT_FIELD)
    if places is None:
        return None
    if len(places) > 1:
        raise MalformedRequest("X-Relay-Tenant is given more than once")
    return head.fields.at(places[0])


def actor_in(head: RequestHead) -> str:
    """Return whom the caller says is behind the call, for the log; empty where it says nothing.

    Raises MalformedRequest for what is too long, not visible ASCII, as many digits as a BSN has, or holds one.
    """
    places = head.fields.shape.where.get(ACTOR_FIELD)
    if places is None:
        return ""
    actor = head.fields.at(places[0])
    if len(places) > 1 or not 0 < len(actor) <= _LONGEST_ACTOR or not all(0x21 <= octet <= 0x7E for octet in actor):
        raise MalformedRequest(f"X-Relay-Actor is not one word of at most {_LONGEST_ACTOR} visible ASCII characters")
    if (actor.isdigit() and len(actor) in _AS_A_BSN) or any(map(_passes_eleven_test, _NINE_DIGITS.findall(actor))):
        raise MalformedRequest("X-Relay-Actor could be a BSN, and is logged: send an opaque id")
    return actor.decode("ascii")


def _passes_eleven_test(digits: bytes) -> bool:
    """Whether these nine digits could be a BSN, of which the weighted sum divides by eleven."""
    return sum(weight * (digit - 0x30) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11 == 0
