"""Which SOAP a call speaks and which action it asks for, told from its head alone."""

import re
from enum import StrEnum

_ACTION = re.compile(rb';\s*action\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)


class SoapVersion(StrEnum):
    """The two versions that VECOZO's services speak."""

    V1_1 = "1.1"
    V1_2 = "1.2"

    @property
    def envelope(self) -> str:
        """The namespace of the envelope."""
        return _ENVELOPES[self]

    @property
    def content_type(self) -> str:
        """The media type of an answer in this version, with its charset."""
        return _CONTENT_TYPES[self]


_ENVELOPES = {
    SoapVersion.V1_1: "http://schemas.xmlsoap.org/soap/envelope/",
    SoapVersion.V1_2: "http://www.w3.org/2003/05/soap-envelope",
}
_CONTENT_TYPES = {
    SoapVersion.V1_1: "text/xml; charset=utf-8",
    SoapVersion.V1_2: "application/soap+xml; charset=utf-8",
}


def soap_version(content_type: bytes | None, soap_action: bytes | None) -> SoapVersion | None:
    """Return the version that the two fields tell, or None when the call is not SOAP.

    `text/xml` alone is plain XML: SOAP 1.1 needs a SOAPAction field, be it an empty one (SOAP 1.1, 6.1.1).
    """
    match media_type(content_type):
        case b"application/soap+xml":
            return SoapVersion.V1_2
        case b"text/xml" if soap_action is not None:
            return SoapVersion.V1_1
        case _:
            return None


def requested_action(content_type: bytes | None, soap_action: bytes | None) -> str | None:
    """Return the action without its quotes, or None when there is none (or it is no ASCII).

    SOAP 1.1 has it in the SOAPAction field, often unquoted; SOAP 1.2 in a parameter of Content-Type.
    """
    match soap_version(content_type, soap_action):
        case SoapVersion.V1_1:
            found = (soap_action or b"").strip().removeprefix(b'"').removesuffix(b'"')
        case SoapVersion.V1_2:
            found = _action_parameter(content_type or b"")
        case None:
            return None
    return found.decode("ascii") if found and found.isascii() else None


def media_type(content_type: bytes | None) -> bytes:
    """Return the media type in lower case without its parameters; empty when there is none."""
    return (content_type or b"").partition(b";")[0].strip().lower()


def _action_parameter(content_type: bytes) -> bytes:
    found = _ACTION.search(content_type)
    if found is None:
        return b""
    quoted, bare = found.groups()
    return re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else bare
