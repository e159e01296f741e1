"""A throw-away folder with everything that the fronts, the upstream and the load need: certificates, a key, a body."""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.directory import Directory
from relay.auth.api_key import NewKey, new_key
from relay.authority.authority import Authority
from relay.authority.issued import Issued

PASSWORD = "bench"
PATH = "/acc/cov/vz801802/v1/soap11"
CLAIMS = "/acc/claims"

# The work: what a Dynamics plug-in sends for an insurance check, and what it gets; and a file of claims. Octets.
REQUEST_SIZE = 2048
ANSWER_SIZE = 2300
_FILE_SIZE = 25_000_000

# Whom a caller's certificate names.
CALLER = "CN=20001000002262,O=Dynamics,C=NL"

_AGE = timedelta(days=1)
_USER_NUMBER = "20001000001131"
_OPEN = '<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
_CLOSE = "</e:Body></e:Envelope>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder, the key that every front knows, and who issued all certificates in it, and tokens."""

    folder: Path
    key: NewKey
    authority: Authority
    directory: Directory

    @property
    def request(self) -> Path:
        """The file with the body that every call carries."""
        return self.folder / "request.xml"

    @property
    def claim(self) -> Path:
        """The file with a body that carries 25 MB as base64."""
        return self.folder / "claim.xml"

    @property
    def certs(self) -> Path:
        """The folder of certificates and keys."""
        return self.folder / "certs"

    def proof(self, *, tokened: bool) -> str:
        """Return the field that a caller proves itself by: its key, or a token."""
        return f"Authorization: Bearer {self.directory.token()}" if tokened else f"X-Api-Key: {self.key.text}"

    def renew_server(self) -> None:
        """Put another certificate, of another key, in the place of the one that fronts show their callers."""
        _write(self.certs, "server", self.authority.issue_server(["localhost"], at=datetime.now(UTC) - _AGE))


@contextmanager
def prepared() -> Iterator[Place]:
    """Make the folder for as long as the block lasts. Every server key in it is P-256."""
    with TemporaryDirectory(prefix="relay-bench-") as name:
        place = Place(
            folder=Path(name),
            key=new_key(),
            authority=Authority.create(at=datetime.now(UTC) - _AGE),
            directory=Directory(),
        )
        place.folder.chmod(0o711)  # nginx, when started by root, has workers that are not
        place.request.write_text(envelope(REQUEST_SIZE))
        # Random, so that nothing on the way could make it smaller.
        place.claim.write_bytes(_OPEN.encode() + b64encode(os.urandom(_FILE_SIZE)) + _CLOSE.encode())
        place.certs.mkdir(mode=0o700)
        _issue(place.certs, place.authority)
        yield place


def envelope(size: int) -> str:
    """Return a SOAP envelope of exactly `size` octets, free of what a configuration file would take for its own."""
    element = "<insured>999911120 1980-01-31 Voorbeeld</insured>"
    room = size - len(_OPEN) - len(_CLOSE)
    count, left = divmod(room, len(element))
    return f"{_OPEN}{element * count}{' ' * left}{_CLOSE}"


def digest(octets: bytes) -> str:
    """Return by what a body is known to have arrived whole."""
    return sha256(octets).hexdigest()


def _issue(certs: Path, authority: Authority) -> None:
    at = datetime.now(UTC) - _AGE
    system = authority.issue_system(_USER_NUMBER, "Praktijk De Linde", at=at)
    (certs / "ca.pem").write_bytes(authority.trust_pem())
    _write(certs, "server", authority.issue_server(["localhost"], at=at))
    _write(certs, "upstream", authority.issue_server(["localhost"], at=at))
    _write(certs, "client", system)
    _write(certs, "caller", authority.issue_system("20001000002262", "Dynamics", at=at))
    (certs / "system.p12").write_bytes(system.p12(PASSWORD))
    (certs / "password").write_text(PASSWORD)


def _write(certs: Path, name: str, issued: Issued) -> None:
    (certs / f"{name}.crt").write_bytes(issued.chain_pem())
    (certs / f"{name}.key").write_bytes(issued.key_pem())
    (certs / f"{name}.pem").write_bytes(issued.chain_pem() + issued.key_pem())  # as HAProxy wants it
