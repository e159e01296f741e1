"""The call that does no harm, for each route of the preset in each environment."""

from datetime import date

import pytest

from relay.doctor.probe import probe_of
from relay.settings.words import Environment, Family
from relay.tenant.routing import Route
from relay.tenant.vecozo import vecozo_routes
from relay.upstream.probe import Question

TODAY, TRACE = date(2026, 11, 25), "00-aa-bb-01"
BSN = b"999979668"


def _probes(environment: Environment) -> dict[str, Question | None]:
    return {route.name: probe_of(route, today=TODAY, trace=TRACE) for route in vecozo_routes(environment)}


def _own(prefix: str) -> Question | None:
    route = Route(name="x", prefix=prefix.encode(), host="a.example", environment=Environment.TEST, family=Family.SOAP)
    return probe_of(route, today=TODAY, trace=TRACE)


@pytest.mark.parametrize("environment", list(Environment))
def test_only_soap_services_are_asked_anything(environment: Environment) -> None:
    asked = {name for name, probe in _probes(environment).items() if probe}
    assert asked == {"cov", "cov-older", "claims-older"}


def test_production_hears_nothing_of_the_test_person() -> None:
    for probe in _probes(Environment.PRODUCTION).values():
        assert probe is None or BSN not in probe.head + probe.body
    for environment in (Environment.TEST, Environment.ACCEPTANCE):
        cov = _probes(environment)["cov"]
        assert cov is not None
        assert BSN in cov.body


@pytest.mark.parametrize("environment", list(Environment))
def test_claims_are_asked_whether_they_are_alive_and_nothing_else(environment: Environment) -> None:
    claims = _probes(environment)["claims-older"]
    assert claims is not None
    assert claims.head.startswith(b"POST /Router.V1.svc/IndienenDeclaratieV1Soap11 HTTP/1.1\r\n")
    assert b"urn:www-vecozo-nl:v1:isalive" in claims.head
    assert b"Indienen>" not in claims.body


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/acc/cov", b"/acc/cov/vz801802/v1/soap11"),
        ("/acc/cov/vz801802", b"/acc/cov/vz801802/v1/soap11"),
        ("/acc/cov/vz801802/v1", b"/acc/cov/vz801802/v1/soap11"),
        ("/cov/vz801802/v1/soap11", b"/cov/vz801802/v1/soap11"),
        ("/v1/VZ801802.svc", b"/v1/VZ801802.svc"),
        ("/Router.V1.svc/DownloadenRetourinformatieV1", b"/Router.V1.svc/IndienenDeclaratieV1Soap11"),
    ],
)
def test_the_path_is_the_services_whatever_part_of_it_the_prefix_has(prefix: str, path: bytes) -> None:
    probe = _own(prefix)
    assert probe is not None
    assert probe.head.startswith(b"POST " + path + b" HTTP/1.1\r\n")
    assert b"\r\nHost: a.example\r\n" in probe.head
    assert b"\r\ntraceparent: 00-aa-bb-01\r\n" in probe.head
    assert b"\r\nContent-Length: %d\r\n" % len(probe.body) in probe.head


@pytest.mark.parametrize("prefix", ["/acc/claims", "/acc/cov/other", "/discovery", "/acc/cov/vz801802/v2"])
def test_a_route_that_nothing_is_known_of_is_asked_nothing(prefix: str) -> None:
    assert _own(prefix) is None
