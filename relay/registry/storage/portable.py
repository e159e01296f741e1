"""A whole book as one JSON file, and back: what would have to happen for a new book to be this one.

`{"format": "relay-registry", "version": 1, "events": [{"kind": "OrganisationAdded", "body": {...}}, ...]}`
"""

from collections.abc import Iterator, Sequence
from typing import Final

import orjson
from pydantic import ValidationError

from relay.registry.domain import enrolment
from relay.registry.domain.certificates import Certificate
from relay.registry.domain.errors import Enrolment, EnrolmentRefused
from relay.registry.domain.events import (
    AddressRegistered,
    Blocked,
    CertificateAdded,
    CheckDeferred,
    ConsentGiven,
    ContactPersonAdded,
    EnterpriseAdded,
    Event,
    MainContactNamed,
    OrganisationAdded,
    PartyAddressRegistered,
    PartySelected,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import Malformed
from relay.registry.domain.parties import ContactPerson, Organisation
from relay.registry.ports import Store
from relay.registry.storage import codec

_FORMAT: Final = "relay-registry"
_VERSION: Final = 1


class PortableFault(Exception):
    """The file is no book. `faults` has each place in it with what is wrong there; nothing of a value is repeated."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


def exported(store: Store) -> bytes:
    """Return the whole book. Raises BookUnavailable."""
    events = [{"kind": codec.kind_of(each), "body": orjson.Fragment(codec.text_of(each))} for each in _events(store)]
    document = {"format": _FORMAT, "version": _VERSION, "events": events}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(octets: bytes) -> list[Event]:
    """Return what has to happen. Raises PortableFault with every fault there is."""
    try:
        document = orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        raise PortableFault([("file", f"is no JSON: {error}")]) from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT or "events" not in document:
        raise PortableFault([("format", f"is not {_FORMAT}: this is no file that `relay registry export` wrote")])
    if not isinstance(document["events"], list):
        raise PortableFault([("events", "is no list")])
    if document.get("version") != _VERSION:
        raise PortableFault([("version", f"is not {_VERSION}: a newer relay wrote it, and a newer one reads it")])
    events, faults, so_far = list[Event](), list[tuple[str, str]](), _Enrolled()
    for number, each in enumerate(document["events"]):
        try:
            events.append(codec.event_of(each["kind"], orjson.dumps(each["body"]).decode()))
            so_far.take(events[-1])
        except ValidationError as error:
            # Where it is and what is wrong with it, and never what it was.
            places = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors(include_input=False)]
            faults += [(f"events.{number}.body.{place}".rstrip("."), why) for place, why in places]
        except EnrolmentRefused as refused:
            faults.append((f"events.{number}", refused.detail))
        except (KeyError, TypeError, Malformed):
            faults.append((f"events.{number}", "is no event that this relay knows"))
    if faults:
        raise PortableFault(faults)
    return events


class _Enrolled:
    """Who came into the book so far: the rules by which somebody comes in are those of every day."""

    def __init__(self) -> None:
        self._organisations: Final = dict[str, Organisation]()
        self._people: Final = dict[str, list[ContactPerson]]()
        self._certificates: Final = dict[str, list[Certificate]]()

    def take(self, event: Event) -> None:
        """Let in whom an event lets in. Raises EnrolmentRefused."""
        match event:
            case OrganisationAdded(organisation=new):
                taken = (new.id, *filter(None, [new.agb_code]))
                known = [self._organisations[each] for each in taken if each in self._organisations]
                enrolment.check_organisation(new, known=known)
                self._organisations.update(dict.fromkeys(taken, new))
            case ContactPersonAdded(person=new):
                colleagues = self._people.setdefault(self._known(new.organisation), [])
                enrolment.check_contact_person(new, colleagues=colleagues)
                colleagues.append(new)
            case CertificateAdded(certificate=new):
                self._known(new.organisation)
                like = [each for key in (new.fingerprint, new.user_number) for each in self._certificates.get(key, ())]
                enrolment.check_certificate(new, known=like)
                for key in (new.fingerprint, new.user_number):
                    self._certificates.setdefault(key, []).append(new)

    def _known(self, organisation: str) -> str:
        if organisation not in self._organisations:
            raise EnrolmentRefused(Enrolment.ORGANISATION_UNKNOWN, f"there is no organisation {organisation} before it")
        return organisation


def _events(store: Store) -> Iterator[Event]:
    book, organisations = store.load(), store.organisations()
    for enterprise in store.enterprises():
        yield EnterpriseAdded(enterprise=enterprise)
        if (main := store.main_contact(enterprise.id)) is not None:
            yield MainContactNamed(person=main)
    yield from (OrganisationAdded(organisation=each) for each in organisations)
    for organisation in organisations:
        yield from (ContactPersonAdded(person=each) for each in store.contact_persons(organisation.id))
    by_age = sorted(book.certificates, key=lambda each: (each.not_before, each.fingerprint))
    yield from (CertificateAdded(certificate=each) for each in by_age)
    for number in sorted(book.ranges):
        yield from (AddressRegistered(registration=each) for each in store.registrations(number))
    for organisation in organisations:
        yield from (PartyAddressRegistered(address=each) for each in store.party_addresses(organisation.id))
    for organisation in organisations:
        yield from (PartySelected(selection=each) for each in store.selections(organisation.id))
    yield from (ConsentGiven(consent=each) for each in book.consents)
    yield from (ServiceAuthorised(authorisation=each) for each in book.authorisations)
    yield from (Blocked(block=each) for each in book.blocks)
    yield from (CheckDeferred(deferral=each) for each in book.deferrals)
