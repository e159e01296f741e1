"""Ways out: each is one system certificate of a tenant, for all its routes or for a family of them. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from relay.settings.words import Family
from relay.tenant.routing import Route


def way_name(tenant: str, family: Family | None = None) -> str:
    """Return the name of a way: `linde`, or `linde/iwlz` for the certificate of a family of its own."""
    return tenant if family is None else f"{tenant}/{family}"


def with_ways(routes: Iterable[Route], tenant: str, families: Collection[Family]) -> Iterator[Route]:
    """Yield the routes, each with its way; `families` are those that have a certificate of their own."""
    for route in routes:
        yield replace(route, way=way_name(tenant, route.family if route.family in families else None))
