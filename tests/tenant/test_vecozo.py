"""The preset: VECOZO's hosts and paths per environment, as the public material has them."""

import pytest

from relay.settings.words import Environment, Family, Wording
from relay.tenant.routing import Route, RouteTable
from relay.tenant.vecozo import SERVICES, vecozo_routes

EVERY = pytest.mark.parametrize("environment", list(Environment))


def _found(environment: Environment, path: bytes) -> Route:
    return RouteTable(vecozo_routes(environment)).route_for(path)


@pytest.mark.parametrize(
    ("environment", "path", "host"),
    [
        (Environment.PRODUCTION, b"/cov/vz801802/v1/soap11", "api.vecozo.nl"),
        (Environment.ACCEPTANCE, b"/acc/cov/vz801802/v1/soap11", "tst-api.vecozo.nl"),
        (Environment.TEST, b"/tst/cov/vz801802/v1/soap11", "tst-api.vecozo.nl"),
        (Environment.TEST, b"/tst/berichtenservice/berichten/rest-push/v1/berichten", "tst-api.vecozo.nl"),
        (Environment.PRODUCTION, b"/berichtenservice/berichtstatus/rest-pull/v3", "api.vecozo.nl"),
        (Environment.PRODUCTION, b"/v1/VZ801802.svc", "covwebservice.vecozo.nl"),
        (Environment.TEST, b"/v1/VZ801802.svc", "tstcovwebservice.vecozo.nl"),
        (Environment.ACCEPTANCE, b"/v1/VZ801802.svc", "acccovwebservice.vecozo.nl"),
        (Environment.ACCEPTANCE, b"/Router.V1.svc/IndienenDeclaratieV1", "accedpwebservice.vecozo.nl"),
    ],
)
def test_a_service_is_found_at_its_host(environment: Environment, path: bytes, host: str) -> None:
    route = _found(environment, path)
    assert (route.host, route.port, route.environment) == (host, 443, environment)


@EVERY
def test_every_service_has_a_route_in_every_environment(environment: Environment) -> None:
    routes = list(vecozo_routes(environment))
    assert [route.name for route in routes] == [service.name for service in SERVICES]
    assert len({route.prefix for route in routes}) == len(routes)


@EVERY
def test_no_environment_leads_to_another_ones_host(environment: Environment) -> None:
    others = {route.authority for other in Environment for route in vecozo_routes(other) if other is not environment}
    for route in vecozo_routes(environment):
        if route.host != "tst-api.vecozo.nl":  # shared by test and acceptance: there the path says which
            assert route.authority not in others
        else:
            assert route.prefix.startswith({"test": b"/tst/", "acceptance": b"/acc/"}[environment.value])


@EVERY
def test_only_the_insurance_check_is_marked_as_repeatable(environment: Environment) -> None:
    """A claim or a message that is sent twice is filed twice; a download changes state."""
    assert {route.name for route in vecozo_routes(environment) if route.repeatable} == {"cov", "cov-older"}


def test_only_the_policy_enforcement_point_words_its_refusals_otherwise() -> None:
    routes = list(vecozo_routes(Environment.PRODUCTION))
    assert {route.name for route in routes if route.wording is Wording.PEP} == {"iwlz-pep"}
    assert {route.name for route in routes if route.family is Family.IWLZ} == {"iwlz-pep", "iwlz-token"}


def test_what_was_only_seen_in_client_code_is_marked_as_not_verified() -> None:
    assert {service.name for service in SERVICES if not service.verified} == {"cov", "cov-older", "claims-older"}
