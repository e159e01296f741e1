"""What holds of every book and every call: over books that hypothesis makes up, with ends, blocks and deferrals."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.certificates import Environment
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    Blocked,
    CheckDeferred,
    Event,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import OrganisationId
from relay.registry.domain.mandates import Authorisation, Block, Deferral, Service
from relay.registry.domain.parties import PartyAddress
from relay.registry.domain.registrations import Registration
from relay.registry.domain.rules import Allow, decide
from relay.registry.domain.snapshot import Snapshot
from tests.kit.registry import (
    ELDERS,
    NOON,
    PARTY,
    PERSON,
    SYSTEM,
    SYSTEM_ELDERS,
    VOORBEELD,
    print_of,
    selection,
    system_certificate,
)

OTHER_PARTY = OrganisationId("software-elders")
NUMBERS, PARTIES, PROVIDERS = (SYSTEM, SYSTEM_ELDERS), (PARTY, OTHER_PARTY), (VOORBEELD, ELDERS)
BEGINNING = int(IPv4Address("198.100.20.0"))

# Few enough addresses and moments that they meet.
_places = st.integers(0, 12).map(lambda number: IPv4Address(BEGINNING + number))
_ranges = st.tuples(_places, _places).map(lambda pair: AddressRange(min(pair), max(pair)))
_moments = st.integers(-2, 2).map(lambda days: NOON + timedelta(days=days))
_ends = st.one_of(st.none(), _moments)

_registered = st.builds(
    lambda number, range_, until: AddressRegistered(
        registration=Registration(user_number=number, range=range_, by=PERSON, at=NOON, until=until)
    ),
    st.sampled_from(NUMBERS), _ranges, _ends,
)  # fmt: skip
_for_customers = st.builds(
    lambda party, range_, until: PartyAddressRegistered(
        address=PartyAddress(party=party, range=range_, by=PERSON, at=NOON, until=until)
    ),
    st.sampled_from(PARTIES), _ranges, _ends,
)  # fmt: skip
_ticked = st.builds(
    lambda provider, party: PartySelected(selection=selection(provider, party)),
    st.sampled_from(PROVIDERS), st.sampled_from(PARTIES),
)  # fmt: skip
_blocked = st.builds(
    lambda number: Blocked(block=Block(user_number=number, at=NOON)), st.sampled_from(NUMBERS)
)  # fmt: skip
_deferred = st.builds(
    lambda number, until: CheckDeferred(deferral=Deferral(user_number=number, until=until, by=PERSON, at=NOON)),
    st.sampled_from(NUMBERS), _moments,
)  # fmt: skip
_authorised = st.builds(
    lambda number, service: ServiceAuthorised(
        authorisation=Authorisation(user_number=number, service=service, at=NOON)
    ),
    st.sampled_from(NUMBERS), st.sampled_from(Service),
)  # fmt: skip
_additions = st.one_of(_registered, _for_customers, _ticked)
_happened = st.lists(st.one_of(_additions, _additions, _blocked, _deferred, _authorised), max_size=12)
_empty = st.builds(
    lambda enforced, environment: Snapshot.of(
        (
            replace(system_certificate(), environment=environment),
            system_certificate(SYSTEM_ELDERS, mark=2, of=ELDERS),
        ),
        {},
        enforced_from=enforced,
    ),
    _ends, st.sampled_from(Environment),
)  # fmt: skip
_calls = st.tuples(
    st.sampled_from((1, 2)), _places, _moments, st.sampled_from((None, *Environment)), st.sampled_from((None, *Service))
)
Call = tuple[int, IPv4Address, datetime, Environment | None, Service | None]


def after(snapshot: Snapshot, happened: list[Event]) -> Snapshot:
    return reduce(lambda book, event: book.with_change(event, version=book.version + 1), happened, snapshot)


def judged(snapshot: Snapshot, call: Call) -> object:
    mark, address, at, environment, service = call
    return decide(
        snapshot, fingerprint=print_of(mark), address=address, at=at, environment=environment, service=service
    )


def passes(snapshot: Snapshot, call: Call) -> bool:
    return isinstance(judged(snapshot, call), Allow)


def _key(event: Event) -> object:
    """What two events have in common of which the later one counts."""
    match event:
        case AddressRegistered(registration=made):
            return made.user_number, made.range
        case PartyAddressRegistered(address=made):
            return made.party, made.range
        case CheckDeferred(deferral=made):
            return made.user_number
        case _:
            return event


@given(
    _empty, st.lists(st.one_of(_additions, _blocked, _deferred, _authorised), unique_by=_key, max_size=10), st.data()
)
def test_a_decision_does_not_depend_on_the_order_in_which_things_happened(
    empty: Snapshot, happened: list[Event], data: st.DataObject
) -> None:
    call, other = data.draw(_calls), data.draw(st.permutations(happened))
    assert judged(after(empty, happened), call) == judged(after(empty, other), call)


@given(_empty, _happened, _additions, _calls)
def test_registering_and_ticking_never_turn_a_pass_into_a_refusal(
    empty: Snapshot, happened: list[Event], added: Event, call: Call
) -> None:
    book = after(empty, happened)
    match added:
        case AddressRegistered(registration=made):
            # Another end in the place of a later one takes something away, as a removal does.
            added = replace(added, registration=replace(made, until=None))
        case PartyAddressRegistered(address=offered):
            added = replace(added, address=replace(offered, until=None))
    assert passes(after(book, [added]), call) >= passes(book, call)


def _taken(event: Event) -> Event:
    match event:
        case AddressRegistered(registration=made):
            return AddressRemoved(user_number=made.user_number, range=made.range, by=PERSON, at=NOON)
        case PartyAddressRegistered(address=made):
            return PartyAddressRemoved(party=made.party, range=made.range, by=PERSON, at=NOON)
        case PartySelected(selection=made):
            return PartyDeselected(provider=made.provider, party=made.party, by=PERSON, at=NOON)
        case _:
            raise AssertionError(event)


@given(_empty, _happened, _additions, _calls)
def test_removing_and_unticking_never_turn_a_refusal_into_a_pass(
    empty: Snapshot, happened: list[Event], added: Event, call: Call
) -> None:
    book = after(empty, [*happened, added])
    assert passes(after(book, [_taken(added)]), call) <= passes(book, call)


@given(_empty, _happened, _additions, _calls)
def test_what_is_added_and_taken_again_leaves_the_book_as_it_was(
    empty: Snapshot, happened: list[Event], added: Event, call: Call
) -> None:
    book = after(empty, [each for each in happened if _key(each) != _key(added)])
    back = after(book, [added, _taken(added)])
    assert replace(back, version=book.version) == book


@given(_empty, _happened, _calls)
def test_an_end_that_comes_never_lets_anybody_in(empty: Snapshot, happened: list[Event], call: Call) -> None:
    """Without a window: the only thing that time brings is an end."""
    book = replace(after(empty, happened), enforced_from=None)
    mark, address, at, environment, service = call
    later = (mark, address, at + timedelta(days=1), environment, service)
    assert passes(book, later) <= passes(book, call)
