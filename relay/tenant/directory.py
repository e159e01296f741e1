"""Which tenant a call is for: the client's only one, or the one that it names."""

from collections.abc import Mapping
from dataclasses import dataclass

from relay.auth.caller import Caller
from relay.errors import TenantRefused, TenantUnclear
from relay.tenant.routing import RouteTable

TENANT_FIELD = b"x-relay-tenant"
_PREFIX = b"/t/"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A care provider or software party: its name, where its calls may go, and why they are `paused`, if they are."""

    name: str
    routes: RouteTable
    paused: str = ""


class Directory:
    """All tenants by name."""

    def __init__(self, tenants: Mapping[str, Tenant]) -> None:
        self._tenants = dict(tenants)

    def tenant_for(self, caller: Caller, named: bytes | None, *, by: str = "X-Relay-Tenant") -> Tenant:
        """Return the tenant of a call. Raises TenantRefused or TenantUnclear.

        `named` is the value of X-Relay-Tenant, or what the path names; `by` says which. A name the client is not bound
        to is refused alike whether such a tenant exists or not.
        """
        if named is None:
            if len(caller.tenants) != 1:
                raise TenantUnclear(
                    "this client is bound to several tenants; X-Relay-Tenant, or the path, has to name one"
                )
            return self._tenants[next(iter(caller.tenants))]
        name = named.decode("latin-1")
        if name not in caller.tenants:
            raise TenantRefused(f"this client is not bound to the tenant that {by} names")
        return self._tenants[name]


def tenant_in(path: bytes) -> bytes | None:
    """Return the tenant that the path names, as in /t/linde/acc/cov, in the very octets that stand there; or None."""
    if not path.startswith(_PREFIX):
        return None
    return path[len(_PREFIX) :].partition(b"/")[0]


def prefix_of(tenant: bytes) -> bytes:
    """Return what a path begins with that names this tenant."""
    return _PREFIX + tenant
