"""Routes: the longest prefix of whole path segments decides. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from relay.errors import RouteUnknown
from relay.settings.words import Environment, Family, Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path prefix and the upstream that serves it; path and query travel unchanged.

    `verified` is False where the preset knows host and path from client code only; `authority` is the Host field that
    the upstream gets; `way` is the system certificate that calls go out under, by name (`relay.tenant.ways`). With
    `rewrites_urls` the addresses in its lists of messages are made to lead to us.
    """

    name: str
    prefix: bytes
    host: str
    port: int = 443
    environment: Environment
    family: Family
    wording: Wording = Wording.GATEWAY
    repeatable: bool = False
    verified: bool = True
    way: str = ""
    rewrites_urls: bool = False
    authority: bytes = field(init=False)

    def __post_init__(self) -> None:
        authority = self.host if self.port == 443 else f"{self.host}:{self.port}"
        object.__setattr__(self, "authority", authority.encode())


class RouteTable:
    """A tenant's routes, looked up by path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = {route.prefix: route for route in routes}

    def __repr__(self) -> str:
        return f"<RouteTable {', '.join(sorted(route.name for route in self._routes.values()))}>"

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def leads(self, path: bytes) -> bool:
        """Whether a route has this path."""
        try:
            self.route_for(path)
        except RouteUnknown:
            return False
        return True

    def route_for(self, path: bytes) -> Route:
        """Return the route with the longest prefix of `path`, cut at slashes only. Raises RouteUnknown."""
        prefix = path
        while prefix:
            route = self._routes.get(prefix)
            if route is not None:
                return route
            prefix = prefix.rpartition(b"/")[0]
        raise RouteUnknown("no route of this tenant has this path")
