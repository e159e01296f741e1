"""The authority itself: a root, an intermediate below it, and the certificates that the intermediate issues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import MappingProxyType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from relay.authority import profile
from relay.authority.issued import Issued
from relay.authority.revocation import revocation_list
from relay.authority.signing import Holder, KeyType, distinguished_name, new_key, sign
from relay.x509.identity import UNREADABLE
from relay.x509.pem import Key, key_pem

# Every authority is older than what it signs, or an expired certificate could not be told from a foreign one.
AGE = timedelta(days=3650)
ROOT_DAYS = 3650 * 3
INTERMEDIATE_DAYS = 3650 * 2
CERTIFICATE_DAYS = 730  # VECOZO's live two years


class AuthorityUnreadable(Exception):
    """The folder does not hold an authority that `save` wrote. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Authority:
    """A demo authority. Its certificates prove nothing outside a rehearsal, and its name says so."""

    root: Holder
    intermediate: Holder

    @classmethod
    def create(cls, *, at: datetime, name: str = "Rehearsal G4") -> Self:
        """Return a new authority: a root as the G4 root, and one intermediate (that VECOZO has one is a guess)."""
        born = at - AGE
        root_name, intermediate_name = _authority_name(f"{name} Root CA"), _authority_name(f"{name} Issuing CA")
        root_key, intermediate_key = new_key(KeyType.P256), new_key(KeyType.P256)
        root = Holder(
            certificate=sign(
                root_name,
                root_key,
                issuer=None,
                not_before=born,
                days=ROOT_DAYS,
                extensions=profile.authority(path_length=1),
            ),
            key=root_key,
        )
        intermediate = sign(
            intermediate_name,
            intermediate_key,
            issuer=root,
            not_before=born,
            days=INTERMEDIATE_DAYS,
            extensions=profile.authority(path_length=0),
        )
        return cls(root=root, intermediate=Holder(certificate=intermediate, key=intermediate_key))

    def __repr__(self) -> str:
        return f"<Authority {self.root.certificate.subject.rfc4514_string()}>"

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """The intermediate and the root: what a gate trusts, and the chain of all that is issued."""
        return (self.intermediate.certificate, self.root.certificate)

    def trust_pem(self) -> bytes:
        """Return the certificates to trust, as one PEM file."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.certificates)

    def issue_system(
        self,
        user_number: str,
        organisation: str,
        *,
        at: datetime,
        days: int = CERTIFICATE_DAYS,
        key_type: KeyType = KeyType.P256,
    ) -> Issued:
        """Issue a system certificate: a user number of 14 digits as CN and no person's name (the shape is a guess)."""
        subject = distinguished_name((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, user_number))
        return self._issue(subject, profile.client(), at=at, days=days, key_type=key_type)

    def issue_personal(
        self,
        user_number: str,
        given_name: str,
        surname: str,
        organisation: str,
        *,
        at: datetime,
        days: int = CERTIFICATE_DAYS,
        key_type: KeyType = KeyType.P256,
    ) -> Issued:
        """Issue a personal certificate: the person's name as CN, the user number as serialNumber (a guess)."""
        subject = distinguished_name(
            (NameOID.ORGANIZATION_NAME, organisation),
            (NameOID.GIVEN_NAME, given_name),
            (NameOID.SURNAME, surname),
            (NameOID.SERIAL_NUMBER, user_number),
            (NameOID.COMMON_NAME, f"{given_name} {surname}"),
        )
        return self._issue(subject, profile.client(), at=at, days=days, key_type=key_type)

    def issue_server(
        self,
        names: Sequence[str],
        addresses: Sequence[IPv4Address | IPv6Address] = (),
        *,
        at: datetime,
        days: int = CERTIFICATE_DAYS,
        key_type: KeyType = KeyType.P256,
    ) -> Issued:
        """Issue a certificate for a server known by these names and addresses; as a client's it is worth nothing."""
        subject = distinguished_name((NameOID.COMMON_NAME, [*names, *map(str, addresses)][0]))
        return self._issue(subject, profile.server(names, addresses), at=at, days=days, key_type=key_type)

    def _issue(
        self, subject: x509.Name, extensions: profile.Extensions, *, at: datetime, days: int, key_type: KeyType
    ) -> Issued:
        key = new_key(key_type)
        certificate = sign(subject, key, issuer=self.intermediate, not_before=at, days=days, extensions=extensions)
        return Issued(certificate=certificate, key=key, chain=self.certificates)

    def revocation_lists(
        self, revoked: Mapping[int, datetime] = MappingProxyType({}), *, at: datetime, days: int = CERTIFICATE_DAYS
    ) -> bytes:
        """Return what is revoked, as PEM: of the certificates that were issued these serial numbers, and no authority.

        The next lists are due after `days`: by default so many that a rehearsal need not think of it.
        """
        issued = revocation_list(self.intermediate, revoked, at=at, days=days)
        return issued + revocation_list(self.root, {}, at=at, days=days)

    def save(self, folder: Path) -> None:
        """Write the authority to an existing folder, its keys for their owner alone.

        Raises `FileExistsError` before anything is written over an authority that is there already.
        """
        for name, holder in (("root", self.root), ("intermediate", self.intermediate)):
            key_file = folder / f"{name}.key"
            key_file.touch(mode=0o600, exist_ok=False)
            key_file.write_bytes(key_pem(holder.key))
            (folder / f"{name}.crt").write_bytes(holder.certificate.public_bytes(Encoding.PEM))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the authority that `save` wrote, or raise `AuthorityUnreadable`."""
        return cls(root=_load_holder(folder, "root"), intermediate=_load_holder(folder, "intermediate"))


def _authority_name(common_name: str) -> x509.Name:
    return distinguished_name(
        (NameOID.ORGANIZATION_NAME, "Rehearsal only, worth nothing"), (NameOID.COMMON_NAME, common_name)
    )


def _load_holder(folder: Path, name: str) -> Holder:
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
    except (OSError, *UNREADABLE) as error:
        raise AuthorityUnreadable(f"{folder} holds no usable {name} of a demo authority: {error}") from error
    if not isinstance(key, Key) or key.public_key() != certificate.public_key():
        raise AuthorityUnreadable(f"{folder}/{name}.key does not belong to {name}.crt: make a new authority")
    return Holder(certificate=certificate, key=key)
