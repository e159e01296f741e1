"""Read a PROXY protocol v2 header: who the caller is, as told by the load balancer before it. Pure.

HAProxy's proxy-protocol.txt, section 2.2. Whoever may send one is believed, so nothing in it is repaired or guessed.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_VERSION_1: Final = b"PROXY "
_HEAD: Final = 16

# Octets after the first 16. Addresses take 36 at most; load balancers add some dozens: of a VPC endpoint, an id.
LONGEST: Final = 1024

_VERSION_2 = 0x20
# TCP over IPv4 and over IPv6: how many octets an address takes. Twice that and two ports come first.
_ADDRESS_OCTETS: Final = {0x11: 4, 0x21: 16}
_PORTS: Final = 4
_CHECKSUM: Final = 0x03


class Reason(StrEnum):
    """Why octets are no header to go by."""

    NO_HEADER = "no_header"
    VERSION_1 = "version_1"
    VERSION = "version"
    COMMAND = "command"
    FAMILY = "family"
    LENGTH = "length"
    EXTENSIONS = "extensions"
    CHECKSUM = "checksum"
    LATE = "late"
    CUT_SHORT = "cut_short"


class ProxyHeaderFault(Exception):
    """These octets are no PROXY header that may be believed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header tells: the caller's address, None where the sender speaks for itself; and the octets it took."""

    source: str | None
    octets: int


def read_proxy_header(octets: bytes) -> ProxyHeader | None:
    """Return the header that `octets` begin with, or None while more are needed. Raises ProxyHeaderFault.

    What cannot become a header is refused by its first 16 octets, without waiting for the rest.
    """
    if not octets.startswith(_SIGNATURE):
        if _SIGNATURE.startswith(octets):
            return None
        raise ProxyHeaderFault(Reason.VERSION_1 if _VERSION_1.startswith(octets[:6]) else Reason.NO_HEADER)
    if len(octets) < _HEAD:
        return None
    address = _address_octets(octets)
    end = _HEAD + int.from_bytes(octets[14:16])
    if len(octets) < end:
        return None
    if not address:
        return ProxyHeader(None, end)
    _check_extensions(octets[:end], _HEAD + 2 * address + _PORTS)
    return ProxyHeader(_text(octets[_HEAD : _HEAD + address]), end)


def _address_octets(head: bytes) -> int:
    """Return how many octets an address takes by this head; none where the sender speaks for itself (LOCAL)."""
    size = int.from_bytes(head[14:16])
    if head[12] & 0xF0 != _VERSION_2:
        raise ProxyHeaderFault(Reason.VERSION)
    if size > LONGEST:
        raise ProxyHeaderFault(Reason.LENGTH)
    match head[12] & 0x0F:
        case 0:
            # A health check of the sender's own: whatever family it tells is to be ignored.
            return 0
        case 1:
            address = _ADDRESS_OCTETS.get(head[13])
        case _:
            raise ProxyHeaderFault(Reason.COMMAND)
    if address is None:
        raise ProxyHeaderFault(Reason.FAMILY)
    if size < 2 * address + _PORTS:
        raise ProxyHeaderFault(Reason.LENGTH)
    return address


def _text(address: bytes) -> str:
    if len(address) == 4:
        return "{}.{}.{}.{}".format(*address)
    number = IPv6Address(address)
    # A dual-stack balancer writes IPv4 callers so; they are the same callers as without.
    return str(number.ipv4_mapped or number)


def _check_extensions(header: bytes, at: int) -> None:
    """Refuse extensions (TLVs) that do not end where the header does, and a checksum that is not that of the header."""
    if at == len(header):
        return
    checksum = None
    while at < len(header):
        kind, value = header[at], at + 3
        at = value + int.from_bytes(header[at + 1 : value])
        if kind == _CHECKSUM:
            if checksum is not None or at != value + 4:
                raise ProxyHeaderFault(Reason.EXTENSIONS)
            checksum = value
    # A head cut short gives `value` beyond the end, and with it `at`.
    if at != len(header):
        raise ProxyHeaderFault(Reason.EXTENSIONS)
    if checksum is not None:
        zeroed = header[:checksum] + bytes(4) + header[checksum + 4 :]
        if crc32c(zeroed) != int.from_bytes(header[checksum : checksum + 4]):
            raise ProxyHeaderFault(Reason.CHECKSUM)


def _row(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    return number


_TABLE: Final = tuple(map(_row, range(256)))


def crc32c(octets: bytes) -> int:
    """Return the CRC32c (RFC 3720 appendix B.4) of octets: for few of them, at a tenth of a microsecond each."""
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ _TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF
