"""Where a call goes is told by whole segments of its path."""

import pytest

from relay.enforcer.places import NOWHERE, Family, Place, place_of
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service


@pytest.mark.parametrize(
    ("path", "environment", "service", "family"),
    [
        ("/cov/vz801802/v1/soap11", Environment.PRODUCTION, Service.COV, Family.COV),
        ("/acc/cov/vz801802/v1/soap11", Environment.TEST, Service.COV, Family.COV),
        ("/tst/edp", Environment.TEST, Service.CLAIMS, Family.CLAIMS),
        ("/acc/berichtenservice/berichten/rest-pull/v1", Environment.TEST, Service.MESSAGES, Family.MESSAGES),
        ("/netwerkmodel/v3/auth/token", Environment.PRODUCTION, Service.IWLZ, Family.IWLZ_TOKEN),
        ("/tst/netwerkmodel/v3/pep", Environment.TEST, Service.IWLZ, Family.IWLZ_PEP),
    ],
)
def test_the_path_tells_environment_service_and_family(
    path: str, environment: Environment, service: Service, family: Family
) -> None:
    assert place_of(path) == Place(environment=environment, service=service, family=family)


@pytest.mark.parametrize("path", ["unknown", "/", "/whoami", "/covert", "/acc", "/accov", "/tst/acc/cov"])
def test_what_is_no_service_is_nowhere(path: str) -> None:
    assert place_of(path) == NOWHERE
