"""Routes: the longest prefix of whole segments, on the octets as they came."""

import pytest

from relay.errors import RouteUnknown
from relay.settings.words import Environment, Family
from relay.tenant.routing import Route, RouteTable


def _route(prefix: bytes, *, port: int = 443) -> Route:
    name = prefix.decode().strip("/").replace("/", "-")
    environment, family = Environment.TEST, Family.SOAP
    return Route(name=name, prefix=prefix, host="a.example", port=port, environment=environment, family=family)


TABLE = RouteTable([_route(b"/a"), _route(b"/a/b"), _route(b"/a/b/c/d")])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/a", "a"),
        (b"/a/", "a"),
        (b"/a/x", "a"),
        (b"/a/b", "a-b"),
        (b"/a/b/c", "a-b"),
        (b"/a/b/c/d/e", "a-b-c-d"),
        (b"/a/bc", "a"),
        (b"/a/b.c", "a"),
        (b"/a/b%41", "a"),
    ],
)
def test_the_longest_prefix_of_whole_segments_decides(path: bytes, name: str) -> None:
    assert TABLE.route_for(path).name == name


@pytest.mark.parametrize("path", [b"/", b"/ab", b"/A", b"/b/a", b"/x", b"", b"/%61"])
def test_a_path_with_no_such_prefix_has_no_route(path: bytes) -> None:
    with pytest.raises(RouteUnknown):
        TABLE.route_for(path)


def test_an_empty_table_leads_nowhere() -> None:
    with pytest.raises(RouteUnknown):
        RouteTable([]).route_for(b"/a")


def test_the_upstreams_host_field_has_a_port_only_where_it_is_not_the_usual_one() -> None:
    assert _route(b"/a").authority == b"a.example"
    assert _route(b"/a", port=8443).authority == b"a.example:8443"


def test_a_table_tells_its_routes() -> None:
    assert repr(TABLE) == "<RouteTable a, a-b, a-b-c-d>"
    assert {route.name for route in TABLE} == {"a", "a-b", "a-b-c-d"}
