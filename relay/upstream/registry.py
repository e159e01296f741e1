"""The registry, asked whether it has an address for a certificate: the reference registry's API, docs/registry.md.

It lets contact persons in, by their personal certificates. A system certificate is never shown to it.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from typing import Final
from urllib.parse import urlsplit

import orjson

from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.egress import Egress
from relay.upstream.enquiry import Unanswered, enquire
from relay.x509.watch import Stamp

# Octets: a thousand addresses. And seconds.
_LONGEST: Final = 256 * 1024
_PATIENCE: Final = 5.0
_ADDRESSES: Final = "/v1/certificates/{number}/addresses"

_REFUSED: Final = {
    403: "lets nobody in under this personal certificate: is it valid, and of a contact person?",
    404: "knows no system certificate under this user number at the contact person's organisation",
}


class RegistrySilent(Unanswered):
    """The registry did not tell; the detail says why, in words that are ours."""


@dataclass(kw_only=True)
class Registry:
    """A registry, as one contact person sees it. A renewed personal certificate is taken at the next enquiry."""

    url: str
    person: KeptCertificate
    seconds: float = _PATIENCE
    _context: ssl.SSLContext | None = field(default=None, repr=False, init=False)
    _stamp: Stamp | None = field(default=None, repr=False, init=False)

    @property
    def name(self) -> str:
        """Host and port, as log and errors call it."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or 443}"

    def open(self) -> ssl.SSLContext:
        """Return what the contact person logs in with, as the file is now. Raises CertificateFault."""
        stamp = self.person.stamp()  # before reading: what changes meanwhile is then looked at again
        if self._context is None or stamp != self._stamp:
            self._context, self._stamp = self.person.persons_context(), stamp
        return self._context

    async def has(self, address: IPv4Address, number: str, egress: Egress) -> bool:
        """Return whether the address is registered under the user number, asked from the egress.

        Raises RegistrySilent, and within seconds.
        """
        try:
            context = await asyncio.to_thread(self.open)  # keys are derived slowly on purpose
            url = self.url + _ADDRESSES.format(number=number)
            reply = await enquire(url, egress, context, longest=_LONGEST, seconds=self.seconds)
        except (CertificateFault, Unanswered) as fault:
            raise RegistrySilent(fault.detail) from None
        if reply.status != 200:
            raise RegistrySilent(_REFUSED.get(reply.status, f"answered {reply.status}"))
        return is_in(address, reply.octets)


def is_in(address: IPv4Address, octets: bytes) -> bool:
    """Return whether one of the ranges in a registry's answer has the address. Raises RegistrySilent."""
    try:
        rows = [row for row in orjson.loads(octets)["addresses"] if row.get("counts", True)]
        ranges = [(IPv4Address(row["first"]), IPv4Address(row["last"])) for row in rows]
    except (ValueError, AddressValueError, TypeError, AttributeError, LookupError):
        raise RegistrySilent("answered with no list of addresses") from None
    return any(first <= address <= last for first, last in ranges)
