"""Each route goes out under the certificate of its family where there is one, and of its tenant elsewhere."""

from relay.settings.words import Environment, Family
from relay.tenant.vecozo import vecozo_routes
from relay.tenant.ways import way_name, with_ways


def test_a_way_is_named_by_its_tenant_and_by_the_family_that_has_one_of_its_own() -> None:
    assert way_name("linde") == "linde"
    assert way_name("linde", Family.IWLZ) == "linde/iwlz"


def test_only_a_family_with_a_certificate_of_its_own_goes_its_own_way() -> None:
    routes = list(with_ways(vecozo_routes(Environment.TEST), "linde", {Family.IWLZ}))
    assert {route.way for route in routes if route.family is Family.IWLZ} == {"linde/iwlz"}
    assert {route.way for route in routes if route.family is not Family.IWLZ} == {"linde"}
    assert [route.prefix for route in routes] == [route.prefix for route in vecozo_routes(Environment.TEST)]


def test_without_one_all_go_the_tenants_way() -> None:
    assert {route.way for route in with_ways(vecozo_routes(Environment.TEST), "linde", ())} == {"linde"}
