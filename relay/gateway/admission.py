"""Everything that is decided from a call's head alone, before a byte goes anywhere: who, for whom, where to."""

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
    SourceRefused,
    WrongHost,
)
from relay.message.framing import Framing, Length
from relay.message.head import RequestHead
from relay.message.query_key import without_key
from relay.message.target import Target, target_of
from relay.tenant.directory import TENANT_FIELD, Directory, Tenant
from relay.tenant.routing import Route

METHODS: Final = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
SAFE: Final = frozenset((b"GET", b"HEAD", b"OPTIONS"))
_REFUSED: Final = frozenset((b"CONNECT", b"TRACE"))


class Placed:
    """A call that may go on: for which tenant, over which route."""

    __slots__ = ("route", "target", "tenant")

    def __init__(self, tenant: Tenant, route: Route, target: Target) -> None:
        self.tenant: Final = tenant
        self.route: Final = route
        self.target: Final = target

    def __repr__(self) -> str:
        return f"<Placed {self.tenant.name}/{self.route.name}>"

    def harmless(self, method: bytes) -> bool:
        """Whether a repeat of this call does no harm, so that its failure may be told as one."""
        return self.route.repeatable or method in SAFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The order of the questions: is it HTTP, is it for us, who asks and from where, for whom, where to, how much.

    `sources` has the ranges of those clients that may not call from anywhere.
    """

    authenticator: Authenticator
    sources: Mapping[str, Ranges]
    directory: Directory
    hosts: "Hosts"
    max_body: int

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
        tenant = self.directory.tenant_for(caller, _tenant_named(head))
        route = tenant.routes.route_for(target.path)
        if isinstance(framing, Length) and framing.octets > self.max_body:
            raise BodyTooLarge(f"Content-Length is over the limit of {self.max_body} octets")
        expected = head.fields.first(b"expect")
        if expected is not None and expected.lower() != b"100-continue":
            raise ExpectationUnknown("Expect holds something other than 100-continue")
        octets = without_key(target.octets)
        if octets is not target.octets:
            target = Target(octets, target.path, target.host)
        return Placed(tenant, route, target)


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
