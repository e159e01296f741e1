"""A book's worth of obviously fictitious parties, certificates and moments, for the tests of registry and gate."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from relay.registry.domain.addresses import parse_range
from relay.registry.domain.certificates import Environment, PersonalCertificate, SystemCertificate
from relay.registry.domain.identifiers import AgbCode, Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson, Organisation, PartyAddress, Role, Selection
from relay.registry.domain.ranges import NONE, Ranges
from relay.registry.domain.registrations import Registration
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)

VOORBEELD = OrganisationId("praktijk-voorbeeld")
ELDERS = OrganisationId("praktijk-elders")
PARTY = OrganisationId("software-voorbeeld")
SUPPORT = OrganisationId("support")

SYSTEM = UserNumber("20009999000001")
SYSTEM_ELDERS = UserNumber("20009999000002")
PERSON = UserNumber("10009999000001")
PERSON_ELDERS = UserNumber("10009999000002")
PERSON_PARTY = UserNumber("10009999000003")
PERSON_SUPPORT = UserNumber("10009999000004")


def print_of(number: int) -> Fingerprint:
    """Return a well-formed fingerprint that no certificate has."""
    return Fingerprint(f"{number:064x}")


def organisation(name: OrganisationId = VOORBEELD, agb_code: str = "99000001") -> Organisation:
    """Return a fictitious care provider."""
    return Organisation(id=name, name=f"{name} (fictief)", agb_code=AgbCode(agb_code))


def software_party(name: OrganisationId = PARTY) -> Organisation:
    """Return a fictitious software party."""
    return Organisation(id=name, name=f"{name} (fictief)", agb_code=None, role=Role.SOFTWARE_PARTY)


def party_address(text: str, party: OrganisationId = PARTY, *, until: datetime | None = None) -> PartyAddress:
    """Return what a software party registered for its customers at `NOON`; the addresses need not be public."""
    return PartyAddress(party=party, range=parse_range(text, rehearsal=True), by=PERSON_PARTY, at=NOON, until=until)


def support() -> Organisation:
    """Return VECOZO's Support, as the book has it."""
    return Organisation(id=SUPPORT, name="Support (fictief)", agb_code=None, role=Role.SUPPORT)


def selection(provider: OrganisationId = VOORBEELD, party: OrganisationId = PARTY) -> Selection:
    """Return that a care provider ticked a software party at `NOON`."""
    return Selection(provider=provider, party=party, by=PERSON, at=NOON)


def contact_person(number: UserNumber = PERSON, at: OrganisationId = VOORBEELD) -> ContactPerson:
    """Return a fictitious contact person of a provider."""
    return ContactPerson(user_number=number, name="T. Test (fictief)", organisation=at)


def system_certificate(
    number: UserNumber = SYSTEM,
    *,
    mark: int = 1,
    of: OrganisationId = VOORBEELD,
    not_before: datetime = NOON - timedelta(days=30),
    not_after: datetime = NOON + timedelta(days=700),
    collected_at: datetime | None = NOON - timedelta(days=29),
    revoked_at: datetime | None = None,
) -> SystemCertificate:
    """Return a system certificate that is valid at `NOON`; its fingerprint is `print_of(mark)`."""
    return SystemCertificate(
        user_number=number,
        fingerprint=print_of(mark),
        organisation=of,
        environment=Environment.TEST,
        not_before=not_before,
        not_after=not_after,
        collected_at=collected_at,
        revoked_at=revoked_at,
    )


def personal_certificate(
    number: UserNumber = PERSON,
    *,
    mark: int = 101,
    of: OrganisationId = VOORBEELD,
    not_before: datetime = NOON - timedelta(days=30),
    not_after: datetime = NOON + timedelta(days=700),
    collected_at: datetime | None = NOON - timedelta(days=29),
    revoked_at: datetime | None = None,
) -> PersonalCertificate:
    """Return a personal certificate that is valid at `NOON`; its fingerprint is `print_of(mark)`."""
    return PersonalCertificate(
        user_number=number,
        fingerprint=print_of(mark),
        organisation=of,
        not_before=not_before,
        not_after=not_after,
        collected_at=collected_at,
        revoked_at=revoked_at,
    )


def registration(
    text: str,
    number: UserNumber = SYSTEM,
    *,
    by: UserNumber = PERSON,
    at: datetime = NOON,
    until: datetime | None = None,
) -> Registration:
    """Return what a contact person registered at `NOON`; the addresses need not be public."""
    return Registration(user_number=number, range=parse_range(text, rehearsal=True), by=by, at=at, until=until)


def registered(*registrations: Registration) -> dict[UserNumber, Ranges]:
    """Return all that was registered as the store has it for the gate."""
    ranges: dict[UserNumber, Ranges] = {}
    for each in registrations:
        ranges[each.user_number] = ranges.get(each.user_number, NONE).having(each.range, each.until)
    return ranges


@cache
def book_of(fill: Callable[[Registry], Registry]) -> bytes:
    """Return the file of a book that was filled once, for tests that start from a copy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "book.sqlite"
        with opened(path) as store:
            fill(Registry(store, lambda: NOON))
        return path.read_bytes()
