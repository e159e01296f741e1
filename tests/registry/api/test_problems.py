"""Every error of the registry is told, in one table, with a remedy."""

from collections.abc import Iterator

import pytest

from relay.registry.api.app import UNFIT
from relay.registry.api.problems import ADDRESS, LOG_IN, OTHER, problem_of
from relay.registry.domain.addresses import AddressRefused, Refusal
from relay.registry.domain.errors import LogIn, LogInRefused, RegistryError
from relay.x509.verify import Reason


def leaves(root: type[RegistryError]) -> Iterator[type[RegistryError]]:
    for each in root.__subclasses__():
        yield each
        yield from leaves(each)


ERRORS = [
    *(AddressRefused(reason, "detail") for reason in Refusal),
    *(LogInRefused(reason, "detail") for reason in LogIn),
    *(error("detail") for error in OTHER),
]


def test_the_tables_know_every_error_and_every_reason() -> None:
    assert set(leaves(RegistryError)) == {AddressRefused, LogInRefused, *OTHER}
    assert set(ADDRESS) == set(Refusal)
    assert set(LOG_IN) == set(LogIn)
    assert set(UNFIT) == set(Reason)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: problem_of(error).code)
def test_every_problem_has_a_remedy_and_a_status_of_an_error(error: RegistryError) -> None:
    told = problem_of(error)
    assert 400 <= told.status < 600
    assert told.remedy.endswith(".")
    assert not told.title.endswith(".")


def test_every_problem_has_a_code_of_its_own() -> None:
    assert len({problem_of(error).code for error in ERRORS}) == len(ERRORS)
