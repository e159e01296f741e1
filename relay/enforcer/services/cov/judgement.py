"""What the reference service finds for a query: pure rules over the fictitious persons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from relay.enforcer.services.cov.persons import Insured, Policy, PolicyKind
from relay.soap.cov import MOST_QUERIES, InsuredOutcome, Outcome, PolicyOutcome, QueryOutcome

_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_YEARS_BACK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query, as sent: what it does not name is None."""

    number: int
    born: date
    reference_date: date
    bsn: str | None = None
    insured_number: str | None = None
    postcode: str | None = None
    house_number: int | None = None
    house_number_addition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer to one query; a person only where exactly one was found."""

    query: Query
    outcome: QueryOutcome
    person: Insured | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to a whole request, a finding for each query in the order asked."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()


def judge(queries: Sequence[Query], persons: Iterable[Insured], *, today: date) -> Judgement:
    """Answer all queries, or none when there are none or too many."""
    if not queries:
        return Judgement(Outcome.NO_QUERIES)
    if len(queries) > MOST_QUERIES:
        return Judgement(Outcome.TOO_MANY_QUERIES)
    known = tuple(persons)
    return Judgement(Outcome.ACCEPTED, tuple(_find(query, known, today) for query in queries))


def passes_eleven_test(bsn: str) -> bool:
    """Tell whether these are nine digits whose weighted sum divides by eleven, as every BSN's does."""
    if len(bsn) != len(_WEIGHTS) or not (bsn.isascii() and bsn.isdigit()):
        return False
    return sum(int(digit) * weight for digit, weight in zip(bsn, _WEIGHTS, strict=True)) % 11 == 0


def policies_outcome(person: Insured, day: date) -> InsuredOutcome:
    """Sum up how this person is insured on this day; two basic policies at once is one too many."""
    active = [policy for policy in person.policies if policy.active_on(day)]
    if sum(policy.kind is PolicyKind.BASIC for policy in active) > 1:
        return InsuredOutcome.DOUBLE_ACTIVE
    return InsuredOutcome.ACTIVE if active else InsuredOutcome.INACTIVE


def policy_outcome(policy: Policy, day: date) -> PolicyOutcome:
    """Tell how one policy stands on this day, or that its insurer does not share it with the asker."""
    if not policy.shared:
        return PolicyOutcome.NOT_AUTHORISED
    return PolicyOutcome.ACTIVE if policy.active_on(day) else PolicyOutcome.INACTIVE


def _find(query: Query, persons: Sequence[Insured], today: date) -> Finding:
    refused = _refusal(query, today)
    if refused is not None:
        return Finding(query=query, outcome=refused)
    if query.bsn is not None:
        return _by_bsn(query, persons, today)
    return _found(query, [person for person in persons if _matches(query, person)], today)


def _refusal(query: Query, today: date) -> QueryOutcome | None:
    """Return why a query is not even looked up."""
    address = (query.postcode, query.house_number, query.house_number_addition)
    named = [query.bsn is not None, query.insured_number is not None, any(part is not None for part in address)]
    if sum(named) > 1:
        return QueryOutcome.MORE_PATHS
    if not any(named) or (named[2] and None in address[:2]):
        return QueryOutcome.NO_VALID_PATH
    if query.bsn is not None and not passes_eleven_test(query.bsn):
        return QueryOutcome.BSN_FAILS_ELEVEN_TEST
    return QueryOutcome.TOO_LONG_AGO if query.reference_date <= _years_before(today) else None


def _by_bsn(query: Query, persons: Sequence[Insured], today: date) -> Finding:
    same_bsn = [person for person in persons if person.bsn == query.bsn]
    if not same_bsn:
        return Finding(query=query, outcome=QueryOutcome.BSN_UNKNOWN)
    if all(person.born != query.born for person in same_bsn):
        return Finding(query=query, outcome=QueryOutcome.BSN_AND_BIRTH_DATE_UNKNOWN)
    return _found(query, same_bsn, today)


def _matches(query: Query, person: Insured) -> bool:
    if person.born != query.born:
        return False
    if query.insured_number is not None:
        return any(policy.insured_number == query.insured_number for policy in person.policies)
    return _address(query.postcode, query.house_number, query.house_number_addition) == _address(
        person.postcode, person.house_number, person.house_number_addition
    )


def _address(postcode: str | None, number: int | None, addition: str | None) -> tuple[str, int | None, str]:
    return (postcode or "").replace(" ", "").upper(), number, (addition or "").upper()


def _found(query: Query, found: Sequence[Insured], today: date) -> Finding:
    match found:
        case []:
            return Finding(query=query, outcome=QueryOutcome.NOT_FOUND)
        case [person]:
            future = query.reference_date > today
            outcome = QueryOutcome.FOUND_FUTURE if future else QueryOutcome.FOUND
            return Finding(query=query, outcome=outcome, person=person)
        case _:
            return Finding(query=query, outcome=QueryOutcome.MORE_PERSONS)


def _years_before(today: date) -> date:
    """Return the same day two years ago; 28 February for a 29 February."""
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - _YEARS_BACK, day=day)
