"""The octets that a caller signs to vouch for a request: the signature base of RFC 9421, section 2.5.

Pure, and narrower than the RFC: whole fields, and those derived components that have one reading here. What has
parameters of its own (`sf`, `key`, `bs`, `tr`, `req`, `@query-param`) is no component for us (decision 0027).
"""

import re
from collections.abc import Sequence
from typing import Final

from relay.message.head import RequestHead

# A name of RFC 9110, section 5.6.2, in lower case (RFC 9421 section 2.1).
_FIELD: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
# What may stand in a value: visible ASCII, blanks and tabs. Anything else could end a line, or has no one encoding.
_VALUE: Final = re.compile(rb"[\t -~]*\Z")
_DEFAULT_PORT: Final = b":443"


class NoSignatureBase(Exception):
    """There is no such component in this request, or none that has one reading."""


def signature_base(head: RequestHead, covered: Sequence[str], params: str) -> bytes:
    """Return what is signed. Raises NoSignatureBase.

    `covered` are names of components in order; `params` is the canonical text of the same with the parameters of the
    signature, as it stands behind the label in Signature-Input. Requests came over TLS, in origin form.
    """
    if len(set(covered)) != len(covered):
        raise NoSignatureBase
    lines = [b'"%b": %b' % (name.encode(), _component(head, name)) for name in covered]
    lines.append(b'"@signature-params": %b' % params.encode("ascii"))
    return b"\n".join(lines)


def _component(head: RequestHead, name: str) -> bytes:
    octets = _derived(head, name) if name.startswith("@") else _field(head, name)
    if not _VALUE.match(octets):
        raise NoSignatureBase
    return octets


def _derived(head: RequestHead, name: str) -> bytes:
    target = head.target
    if not target.startswith(b"/"):
        raise NoSignatureBase
    path, _, query = target.partition(b"?")
    if name == "@method":
        return head.method
    if name == "@authority":
        return _authority(head)
    if name == "@scheme":
        return b"https"
    if name == "@target-uri":
        return b"https://%b%b" % (_authority(head), target)
    if name == "@request-target":
        return target
    if name == "@path":
        return path
    if name == "@query":
        return b"?" + query
    raise NoSignatureBase


def _authority(head: RequestHead) -> bytes:
    """Return the Host field in its normal form: lower case, without the port that https has anyway."""
    hosts = head.fields.values(b"host")
    if len(hosts) != 1:
        raise NoSignatureBase
    return hosts[0].lower().removesuffix(_DEFAULT_PORT)


def _field(head: RequestHead, name: str) -> bytes:
    values = head.fields.values(name.encode("ascii")) if _FIELD.match(name) else []
    if not values:
        raise NoSignatureBase
    return b", ".join(values)
