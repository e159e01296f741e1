"""Session tickets under keys of ours, so that a caller resumes on any worker, and after a reload of the certificate.

Left alone, OpenSSL seals the tickets of each context under keys that only this context has, for as long as it lives.
Whoever comes by a key reads the calls that were resumed under it (TLS 1.2), so keys stay in memory and are replaced
every so often. RFC 5077 section 5.5, RFC 8446 section 4.6.1.
"""

import os
import ssl
from typing import Final

from relay.x509.openssl import OpenSSLOutOfReach, openssl, pointer_to

# Seconds that a session may be resumed for. Callers come all day, so two hours find most of them back.
SESSION_SECONDS: Final = 2 * 3600

# SSL_CTRL_GET_ and SET_TLSEXT_TICKET_KEYS: a name of 16 octets, then 32 of the MAC's key and 32 of the cipher's.
_GET, _SET = 58, 59
_SIZE: Final = 80


def new_ticket_keys() -> bytes:
    """Return fresh keys, for all contexts that are to resume each other's sessions. A secret."""
    return os.urandom(_SIZE)


def use_ticket_keys(context: ssl.SSLContext, keys: bytes) -> None:
    """Have a server's context, in use or not, seal and open tickets with `keys`, and with no others from now on.

    Sessions of other keys are not resumed any more: their callers shake hands in full once. Raises OpenSSLOutOfReach,
    and then the context goes on with keys of its own.
    """
    if len(keys) != _SIZE:
        raise ValueError(f"ticket keys have {_SIZE} octets")  # or OpenSSL would read beyond their end
    pointer = pointer_to(context)
    control = openssl().control
    if control(pointer, _GET, 0, None) != _SIZE or control(pointer, _SET, _SIZE, keys) != 1:
        raise OpenSSLOutOfReach("this OpenSSL keeps other ticket keys than expected: run relay on OpenSSL 3")
    openssl().set_timeout(pointer, SESSION_SECONDS)
