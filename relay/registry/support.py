"""What Support can do: people of an organisation whose role that is, logged in as everybody else."""

from datetime import datetime
from typing import Final

from relay.registry.domain.errors import AuthorisationNotFound, BlockNotFound, CertificateNotFound, DeferralNotFound
from relay.registry.domain.events import (
    AuthorisationWithdrawn,
    Blocked,
    BlockLifted,
    CertificateRevoked,
    CheckDeferred,
    DeferralEnded,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import Fingerprint, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Deferral, Service, check_deferral
from relay.registry.domain.parties import ContactPerson, Organisation, Role
from relay.registry.keeper import Keeper
from relay.registry.roles import must_be
from relay.tenant.hours import Hours


class Support:
    """Support's use cases. Each raises `RoleRefused` for anybody else."""

    def __init__(self, keeper: Keeper, *, office: Hours) -> None:
        """Defer checks within `office` hours only (Q20)."""
        self._keeper: Final = keeper
        self._office: Final = office

    def __repr__(self) -> str:
        return f"<Support on {self._keeper!r}>"

    def organisations(self, person: ContactPerson) -> tuple[Organisation, ...]:
        """Return all organisations by their short names."""
        must_be(self._keeper, person, Role.SUPPORT)
        return self._keeper.store.organisations()

    def block(self, person: ContactPerson, number: str) -> bool:
        """Let the certificates under a user number through nowhere; False when they were blocked.

        Raises `CertificateNotFound`.
        """
        known = self._numbered(person, number)
        with self._keeper.lock:
            block = Block(user_number=known, by=person.user_number, at=self._keeper.clock())
            return self._keeper.record(Blocked(block=block))

    def lift_block(self, person: ContactPerson, number: str) -> None:
        """Take that back. Raises `CertificateNotFound`, `BlockNotFound`."""
        known = self._numbered(person, number)
        with self._keeper.lock:
            if not self._keeper.record(BlockLifted(user_number=known, by=person.user_number, at=self._keeper.clock())):
                raise BlockNotFound(f"the certificates under {known} are not blocked")

    def defer(self, person: ContactPerson, number: str, until: datetime) -> Deferral:
        """Put the check of a user number's addresses off, in the place of an earlier deferral (Q20).

        Raises `CertificateNotFound`, `DeferralRefused`.
        """
        known = self._numbered(person, number)
        deferral = Deferral(user_number=known, until=until, by=person.user_number, at=self._keeper.clock())
        check_deferral(deferral, office=self._office)
        with self._keeper.lock:
            self._keeper.record(CheckDeferred(deferral=deferral))
            return self._keeper.snapshot.deferred[known]

    def end_deferral(self, person: ContactPerson, number: str) -> None:
        """Take that back. Raises `CertificateNotFound`, `DeferralNotFound`."""
        known = self._numbered(person, number)
        with self._keeper.lock:
            ended = DeferralEnded(user_number=known, by=person.user_number, at=self._keeper.clock())
            if not self._keeper.record(ended):
                raise DeferralNotFound(f"the check of {known} is not deferred")

    def authorise(self, person: ContactPerson, number: str, service: Service) -> bool:
        """Let the certificates under a user number use a service; False when they could.

        Raises `CertificateNotFound`.
        """
        known = self._numbered(person, number)
        with self._keeper.lock:
            now = self._keeper.clock()
            new = Authorisation(user_number=known, service=service, by=person.user_number, at=now)
            return self._keeper.record(ServiceAuthorised(authorisation=new))

    def withdraw_authorisation(self, person: ContactPerson, number: str, service: Service) -> None:
        """Take that back. Raises `CertificateNotFound`, `AuthorisationNotFound`."""
        known = self._numbered(person, number)
        with self._keeper.lock:
            now = self._keeper.clock()
            taken = AuthorisationWithdrawn(user_number=known, service=service, by=person.user_number, at=now)
            if not self._keeper.record(taken):
                raise AuthorisationNotFound(f"the certificates under {known} are not authorised for {service}")

    def revoke(self, person: ContactPerson, fingerprint: str) -> bool:
        """Let a certificate count no longer, from now on; False when it was revoked. Raises `CertificateNotFound`."""
        must_be(self._keeper, person, Role.SUPPORT)
        with self._keeper.lock:
            known = self._keeper.snapshot.certificates.get(Fingerprint(fingerprint))
            if known is None:
                raise CertificateNotFound("no certificate has this fingerprint")
            return self._keeper.record(CertificateRevoked(fingerprint=known.fingerprint, at=self._keeper.clock()))

    def _numbered(self, person: ContactPerson, number: str) -> UserNumber:
        must_be(self._keeper, person, Role.SUPPORT)
        known = UserNumber(number)
        if known not in self._keeper.snapshot.numbered:
            raise CertificateNotFound("no certificate has this user number")
        return known
