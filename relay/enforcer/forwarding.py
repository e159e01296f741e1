"""What of a call goes on to a backend, and what of its answer comes back: heads in, heads out. Pure.

A backend learns who calls from fields that begin with `X-Gate-`, and from Client-Cert (RFC 9440): the gate writes them,
and drops what a caller wrote there, in any spelling that a server might take for the same.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from relay.enforcer.verdict import Passage
from relay.message.fields import Field, Fields
from relay.message.hops import sent_back, sent_on

_OURS: Final = b"x-gate-"
_CERTIFICATE: Final = b"client-cert"
_VIA: Final = (b"Via", b"1.1 gate")


def to_backend(fields: Fields, passage: Passage, certificate: bytes) -> tuple[Field, ...]:
    """Return the fields to send: the caller's own, without those of its hop, and who it is.

    `certificate` is the caller's, as DER. Host is the sender's to add.
    """
    forged = frozenset(name for name in fields.shape.names if _is_ours(name))
    return (*Fields(lines=sent_on(fields, forged)), _VIA, *_identity(passage, certificate))


def to_caller(fields: Fields) -> Sequence[Field]:
    """Return the fields of the answer that travel back."""
    return tuple(Fields(lines=sent_back(fields)))


def _is_ours(name: bytes) -> bool:
    # Servers that hand fields on as environment variables (CGI, WSGI) take an underscore for a hyphen.
    plain = name.replace(b"_", b"-")
    return plain.startswith((_OURS, _CERTIFICATE))


def _identity(passage: Passage, certificate: bytes) -> tuple[Field, ...]:
    number = passage.identity.user_number if passage.identity is not None else None
    told = (
        (b"X-Gate-User-Number", number or ""),
        (b"X-Gate-Organisation", passage.holder or ""),
        (b"X-Gate-Address", str(passage.address)),
    )
    return (
        *((name, value.encode("ascii")) for name, value in told),
        (b"Client-Cert", b":%b:" % b64encode(certificate)),
    )
