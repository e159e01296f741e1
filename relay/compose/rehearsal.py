"""A rehearsal, ready to run: a folder with an authority, certificates, a book and the settings that join them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate, load_pem_x509_certificate

from relay.authority.authority import Authority, AuthorityUnreadable
from relay.authority.issued import Issued
from relay.authority.revocation import revoked_by
from relay.errors import SettingsFault
from relay.keeping import write_whole
from relay.registry.domain.certificates import Environment, PersonalCertificate, SystemCertificate
from relay.registry.domain.identifiers import AgbCode, Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.mandates import Service
from relay.registry.domain.parties import ContactPerson, Organisation
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from relay.x509.bundle import BundleFault, read_bundle
from relay.x509.identity import UNREADABLE, Identity, identify

ORGANISATION = Organisation(
    id=OrganisationId("praktijk-voorbeeld"), name="Praktijk Voorbeeld (fictief)", agb_code=AgbCode("99000001")
)
PERSON = ContactPerson(
    user_number=UserNumber("10009999000001"), name="Anna Voorbeeld (fictief)", organisation=ORGANISATION.id
)
SYSTEM = UserNumber("20009999000001")
REVOCATIONS: Final = "revocations.pem"

_SETTINGS = """\
# A rehearsal: its certificates prove nothing anywhere else.
book = "book.sqlite"
authorities = "authorities.pem"
revocations = "revocations.pem"
rehearsal = true  # contact persons may register addresses that are not public

[gate]
address = "{address}"
port = {gate_port}
certificate = "server.crt"
key = "server.key"

[registry]
address = "{address}"
port = {registry_port}
certificate = "server.crt"
key = "server.key"

[operator]
port = {operator_port}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rehearsal will listen, and the names by which callers come there. Port 0 takes any free one."""

    address: IPv4Address
    names: Sequence[str]
    gate_port: int
    registry_port: int
    operator_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What was made, by path. A certificate file's password is beside it, with the ending `.password`."""

    settings: Path
    authorities: Path
    system: Path
    contact_person: Path


def new_rehearsal(folder: Path, place: Place, *, at: datetime) -> Rehearsal:
    """Make a rehearsal in `folder`, which must be new or empty; keys and passwords for their owner alone.

    In the book: one fictitious organisation with a contact person and a system certificate, no address yet.
    Raises SettingsFault when the folder cannot be had.
    """
    _make_empty(folder)
    try:
        return _fill(folder, place, at)
    except OSError as error:
        fault = f"cannot be written: {error.strerror or error}; give a folder that is yours to write in"
        raise SettingsFault([(str(folder), fault)]) from None


def revoke(folder: Path, certificate: Path, *, at: datetime) -> Identity:
    """Have the rehearsal's authority revoke a certificate of its own, from now on; return whose it is.

    `certificate` is PEM, or a PKCS#12 file with its password beside it. Raises SettingsFault when it cannot be done.
    """
    lists = folder / REVOCATIONS
    try:
        authority = Authority.load(folder / "authority")
        leaf = _leaf(certificate)
        leaf.verify_directly_issued_by(authority.intermediate.certificate)
        revoked = {leaf.serial_number: at} | revoked_by(authority.intermediate, lists.read_bytes())
        write_whole(lists, authority.revocation_lists(revoked, at=at))
        return identify(leaf)
    except AuthorityUnreadable as fault:
        raise SettingsFault([(str(folder), str(fault))]) from None
    except OSError as error:
        raise SettingsFault([(str(error.filename or folder), error.strerror or str(error))]) from None
    except (BundleFault, InvalidSignature, *UNREADABLE):
        told = "is no certificate of this rehearsal: give its PEM, or its .p12 with the password beside it"
        raise SettingsFault([(str(certificate), told)]) from None


def _leaf(file: Path) -> Certificate:
    octets = file.read_bytes()
    if file.suffix == ".p12":
        return read_bundle(octets, file.with_suffix(".password").read_text(encoding="utf-8").rstrip("\n")).certificate
    return load_pem_x509_certificate(octets)


def _fill(folder: Path, place: Place, at: datetime) -> Rehearsal:
    authority = Authority.create(at=at)
    authority.save(_made(folder / "authority"))
    (folder / "authorities.pem").write_bytes(authority.trust_pem())
    (folder / REVOCATIONS).write_bytes(authority.revocation_lists(at=at))
    server = authority.issue_server(place.names, [place.address], at=at)
    (folder / "server.crt").write_bytes(server.chain_pem())
    _write_private(folder / "server.key", server.key_pem())
    system = authority.issue_system(SYSTEM, ORGANISATION.name, at=at)
    person = authority.issue_personal(PERSON.user_number, "Anna", "Voorbeeld", ORGANISATION.name, at=at)
    _enrol(folder / "book.sqlite", system, person, at)
    (folder / "reference.toml").write_text(_settings(place), encoding="utf-8")
    return Rehearsal(
        settings=folder / "reference.toml",
        authorities=folder / "authorities.pem",
        system=_export(folder / "system.p12", system),
        contact_person=_export(folder / "contact-person.p12", person),
    )


def _settings(place: Place) -> str:
    return _SETTINGS.format(
        address=place.address,
        gate_port=place.gate_port,
        registry_port=place.registry_port,
        operator_port=place.operator_port,
    )


def _enrol(book: Path, system: Issued, person: Issued, at: datetime) -> None:
    with opened(book) as store:
        registry = Registry(store, lambda: at)
        registry.add_organisation(ORGANISATION)
        registry.add_contact_person(PERSON)
        registry.add_certificate(_system_certificate(system))
        registry.add_certificate(_personal_certificate(person))
        for service in Service:
            registry.authorise(SYSTEM, service)


def _system_certificate(issued: Issued) -> SystemCertificate:
    identity = identify(issued.certificate)
    return SystemCertificate(
        user_number=SYSTEM,
        fingerprint=Fingerprint(identity.fingerprint),
        organisation=ORGANISATION.id,
        environment=Environment.TEST,
        not_before=identity.not_before,
        not_after=identity.not_after,
        collected_at=identity.not_before,
    )


def _personal_certificate(issued: Issued) -> PersonalCertificate:
    identity = identify(issued.certificate)
    return PersonalCertificate(
        user_number=PERSON.user_number,
        fingerprint=Fingerprint(identity.fingerprint),
        organisation=ORGANISATION.id,
        not_before=identity.not_before,
        not_after=identity.not_after,
        collected_at=identity.not_before,
    )


def _export(file: Path, issued: Issued) -> Path:
    password = secrets.token_urlsafe(18)
    _write_private(file, issued.p12(password))
    _write_private(file.with_suffix(".password"), f"{password}\n".encode())
    return file


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise SettingsFault([(str(folder), f"cannot be made: {error.strerror or error}")]) from None
    if taken:
        raise SettingsFault(
            [(str(folder), "is not empty, and a rehearsal is never written over something else; give a new folder")]
        )


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def _write_private(file: Path, data: bytes) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(data)
