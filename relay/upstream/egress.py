"""The address that calls leave from: bound explicitly, never left to the routing table."""

import errno
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from relay.errors import SourceAddressMissing, UpstreamUnreachable

# From <linux/in.h>; Python's socket module does not name it. The port is then chosen at connect, per destination.
_IP_BIND_ADDRESS_NO_PORT: Final = 24


@dataclass(frozen=True, slots=True)
class Egress:
    """A local source address, and the address that VECOZO sees (behind a NAT gateway they differ)."""

    source: IPv4Address
    seen_as: IPv4Address
    # Every call names its egress, and an address takes longer to write than to look up.
    text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", str(self.seen_as))

    def __str__(self) -> str:
        return self.text

    @property
    def here(self) -> bool:
        """Whether the source address is on this machine, as far as can be told."""
        try:
            self.socket().close()
        except SourceAddressMissing:
            return False
        except UpstreamUnreachable:  # no socket at all: that says nothing of the address
            return True
        return True

    def socket(self) -> socket.socket:
        """Return a non-blocking TCP socket bound to the source address.

        Raises SourceAddressMissing when the address is not on this machine.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((str(self.source), 0))
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise SourceAddressMissing(f"{self.source} is not an address of this machine") from None
            raise UpstreamUnreachable(f"no socket from {self.source}: {error.strerror}") from None
        return sock
