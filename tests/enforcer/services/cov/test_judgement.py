"""What is found for a query, one test per result that a client must handle."""

from dataclasses import replace
from datetime import date

import pytest

from relay.enforcer.services.cov import persons
from relay.enforcer.services.cov.judgement import (
    Judgement,
    Query,
    judge,
    passes_eleven_test,
    policies_outcome,
    policy_outcome,
)
from relay.enforcer.services.cov.persons import COMPLETE, PERSONS, TEST_PERSON, Insured
from relay.soap.cov import InsuredOutcome, Outcome, PolicyOutcome, QueryOutcome

TODAY = date(2025, 6, 15)
QUERY = Query(number=1, born=TEST_PERSON.born, reference_date=TODAY, bsn=TEST_PERSON.bsn)
BY_ADDRESS = Query(
    number=1,
    born=COMPLETE.born,
    reference_date=TODAY,
    postcode="9999 zz",
    house_number=2,
    house_number_addition="a",
)


def found(query: Query, today: date = TODAY) -> tuple[QueryOutcome, Insured | None]:
    (finding,) = judge([query], PERSONS, today=today).findings
    return finding.outcome, finding.person


def test_a_bsn_with_its_birth_date_finds_the_person() -> None:
    assert found(QUERY) == (QueryOutcome.FOUND, TEST_PERSON)


def test_an_insured_number_with_a_birth_date_finds_the_person() -> None:
    assert found(replace(QUERY, bsn=None, insured_number="559")) == (QueryOutcome.FOUND, TEST_PERSON)


def test_an_address_with_a_birth_date_finds_the_person_however_it_is_written() -> None:
    assert found(BY_ADDRESS) == (QueryOutcome.FOUND, COMPLETE)


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        (replace(QUERY, bsn="123456789"), QueryOutcome.BSN_FAILS_ELEVEN_TEST),
        (replace(QUERY, bsn="99997966"), QueryOutcome.BSN_FAILS_ELEVEN_TEST),
        (replace(QUERY, bsn="111222333"), QueryOutcome.BSN_UNKNOWN),
        (replace(QUERY, born=date(1962, 3, 16)), QueryOutcome.BSN_AND_BIRTH_DATE_UNKNOWN),
        (replace(QUERY, bsn=None), QueryOutcome.NO_VALID_PATH),
        (replace(BY_ADDRESS, house_number=None), QueryOutcome.NO_VALID_PATH),
        (replace(BY_ADDRESS, postcode=None), QueryOutcome.NO_VALID_PATH),
        (replace(QUERY, insured_number="559"), QueryOutcome.MORE_PATHS),
        (replace(QUERY, house_number=2), QueryOutcome.MORE_PATHS),
        (replace(BY_ADDRESS, insured_number="1001"), QueryOutcome.MORE_PATHS),
        (replace(QUERY, bsn=None, insured_number="0"), QueryOutcome.NOT_FOUND),
        (replace(BY_ADDRESS, born=date(1980, 6, 2)), QueryOutcome.NOT_FOUND),
        (replace(BY_ADDRESS, house_number_addition=None), QueryOutcome.NOT_FOUND),
        (replace(QUERY, reference_date=date(2023, 6, 15)), QueryOutcome.TOO_LONG_AGO),
    ],
)
def test_a_query_that_finds_nobody_tells_why(query: Query, outcome: QueryOutcome) -> None:
    assert found(query) == (outcome, None)


def test_a_day_less_than_two_years_ago_is_still_answered() -> None:
    assert found(replace(QUERY, reference_date=date(2023, 6, 16)))[0] is QueryOutcome.FOUND


def test_two_years_before_a_leap_day_is_the_end_of_february() -> None:
    leap_day = date(2024, 2, 29)
    assert found(replace(QUERY, reference_date=date(2022, 2, 28)), leap_day)[0] is QueryOutcome.TOO_LONG_AGO
    assert found(replace(QUERY, reference_date=date(2022, 3, 1)), leap_day)[0] is QueryOutcome.FOUND


def test_a_reference_date_to_come_is_found_and_told() -> None:
    query = replace(QUERY, reference_date=date(2025, 6, 16))
    assert found(query) == (QueryOutcome.FOUND_FUTURE, TEST_PERSON)


def test_twins_at_one_address_are_told_to_be_more_persons() -> None:
    twin = persons.TWINS[0]
    query = replace(BY_ADDRESS, born=twin.born, house_number=twin.house_number, house_number_addition=None)
    assert found(query) == (QueryOutcome.MORE_PERSONS, None)


def test_no_queries_and_more_than_twenty_are_answered_as_a_whole() -> None:
    assert judge([], PERSONS, today=TODAY) == Judgement(Outcome.NO_QUERIES)
    assert judge([QUERY] * 21, PERSONS, today=TODAY) == Judgement(Outcome.TOO_MANY_QUERIES)


def test_twenty_queries_are_answered_in_the_order_asked() -> None:
    judgement = judge([replace(QUERY, number=n) for n in range(20)], PERSONS, today=TODAY)
    assert judgement.outcome is Outcome.ACCEPTED
    assert [finding.query.number for finding in judgement.findings] == list(range(20))


@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        (TEST_PERSON, InsuredOutcome.ACTIVE),
        (COMPLETE, InsuredOutcome.ACTIVE),
        (persons.DOUBLE_INSURED, InsuredOutcome.DOUBLE_ACTIVE),
        (persons.NO_LONGER_INSURED, InsuredOutcome.INACTIVE),
    ],
)
def test_how_a_person_is_insured_is_summed_up(person: Insured, outcome: InsuredOutcome) -> None:
    assert policies_outcome(person, TODAY) is outcome


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        (date(2005, 12, 31), PolicyOutcome.INACTIVE),
        (date(2006, 1, 1), PolicyOutcome.ACTIVE),
        (date(2020, 12, 31), PolicyOutcome.ACTIVE),
        (date(2021, 1, 1), PolicyOutcome.INACTIVE),
    ],
)
def test_a_policy_is_active_from_its_first_to_its_last_day(day: date, outcome: PolicyOutcome) -> None:
    assert policy_outcome(persons.NO_LONGER_INSURED.policies[0], day) is outcome


def test_a_policy_that_its_insurer_does_not_share_says_so() -> None:
    assert policy_outcome(persons.NOT_SHARED.policies[0], TODAY) is PolicyOutcome.NOT_AUTHORISED


def test_every_fictitious_person_passes_the_eleven_test_and_is_a_test_number() -> None:
    assert all(passes_eleven_test(person.bsn) and person.bsn.startswith("9999") for person in PERSONS)
    assert len({person.bsn for person in PERSONS}) == len(PERSONS)


@pytest.mark.parametrize("bsn", ["", "9999796680", "99997966x", "٩٩٩٩٧٩٦٦٨", "999979669"])
def test_what_is_no_bsn_fails_the_eleven_test(bsn: str) -> None:
    assert not passes_eleven_test(bsn)
