"""Whether a registry has the addresses that calls leave from: where that is looked up, and an enquiry there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from relay.compose.relay.ways import BuiltWay, number_in
from relay.errors import SettingsFault
from relay.settings.relay import ExportedFile, RelaySettings
from relay.settings.relay import Registry as RegistrySettings
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.egress import Egress
from relay.upstream.keeper import File
from relay.upstream.proof import State
from relay.upstream.registration import Registration
from relay.upstream.registry import Registry, RegistrySilent

# A word counts for so many rounds of asking, a registry's as a witness's: one that is missed proves nothing.
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where it is looked up which addresses are registered for the certificate of a way, and under which number."""

    registry: Registry
    user_number: str


def build_entries(settings: RelaySettings, ways: Mapping[str, BuiltWay]) -> dict[str, Entry]:
    """Return where each way's addresses are looked up, for tenants of which there is a person. Raises SettingsFault.

    A certificate of a family of routes is left out where it names no user number: the card's is the tenant's other one.
    """
    told = settings.egress_proof.registry
    if told is None:
        return {}
    entries, faults = dict[str, Entry](), list[tuple[str, str]]()
    for tenant, person in told.persons.items():
        registry = Registry(url=told.url, person=_kept(told, tenant, person))
        try:
            registry.open()
        except CertificateFault as fault:
            faults.append((f"egress_proof.registry.{fault.key}", fault.detail))
        for way in (way for way in ways.values() if way.tenant == tenant):
            number = number_in(way.passport) or (
                settings.tenants[tenant].card.user_number if way.name == tenant else None
            )
            if number is not None:
                entries[way.name] = Entry(registry=registry, user_number=number)
            elif way.name == tenant and way.passport is not None:
                key = f"egress_proof.registry.persons.{tenant}"
                what = f"the system certificate names no user number; give it as tenants.{tenant}.card.user_number"
                faults.append((key, what))
    if faults:
        raise SettingsFault(list(dict.fromkeys(faults)))
    return entries


def _kept(told: RegistrySettings, tenant: str, person: ExportedFile) -> KeptCertificate:
    return KeptCertificate(
        keeper=File(person.file),
        password_file=person.password_file,
        password=person.password.get_secret_value() if person.password else None,
        trust=told.trust,
        key=f"persons.{tenant}",
    )


class News(Protocol):
    """Whoever hears what a registry says."""

    def registered(self, egress: Egress, registration: Registration) -> None:
        """Take what is known of an address under a way's certificate."""
        ...

    def registry_said(self, egress: Egress, registration: Registration, registry: str, silent: str) -> None:
        """Take what came of an enquiry: `silent` says why nothing did, and is empty otherwise."""
        ...


class Enquirer:
    """Asks a registry of one address under one certificate."""

    def __init__(self, way: str, egress: Egress, entry: Entry, every: float, news: News) -> None:
        self._entry = entry
        self.egress = egress
        self._news = news
        self._registration = Registration(way=way, address=egress.text, lasts=ROUNDS * every)

    def __repr__(self) -> str:
        return f"<Enquirer after {self.egress} for {self._registration.way}: {self._registration.state}>"

    @property
    def out(self) -> bool:
        """Whether the registry said that it is not there."""
        return self._registration.state is State.OUT

    async def ask(self) -> None:
        """Ask once. Silence changes nothing."""
        has, silent = None, ""
        try:
            has = await self._entry.registry.has(self.egress.seen_as, self._entry.user_number, self.egress)
        except RegistrySilent as fault:
            silent = fault.detail
        self._registration = self._registration.heard(has, at=time.monotonic())
        self._news.registry_said(self.egress, self._registration, self._entry.registry.name, silent)
        self._news.registered(self.egress, self._registration)
