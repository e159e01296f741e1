"""Faults of SOAP 1.1 and 1.2: the one way to tell a SOAP caller that something went wrong."""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from relay.soap.recognise import SoapVersion

PROBLEM_NAMESPACE = "urn:relay:problem"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_SENDER_BELOW = 500
_BLAME = {
    (SoapVersion.V1_1, True): "Client",
    (SoapVersion.V1_1, False): "Server",
    (SoapVersion.V1_2, True): "Sender",
    (SoapVersion.V1_2, False): "Receiver",
}

_V1_1 = (
    "<s:Fault><faultcode>s:{blame}</faultcode>"
    '<faultstring xml:lang="{language}">{text}</faultstring>'
    "<detail>{detail}</detail></s:Fault>"
)
_V1_2 = (
    "<s:Fault><s:Code><s:Value>s:{blame}</s:Value>"
    '<s:Subcode><s:Value xmlns:p="{namespace}">p:{code}</s:Value></s:Subcode></s:Code>'
    '<s:Reason><s:Text xml:lang="{language}">{text}</s:Text></s:Reason>'
    "<s:Detail>{detail}</s:Detail></s:Fault>"
)
_SHAPES = {SoapVersion.V1_1: _V1_1, SoapVersion.V1_2: _V1_2}


def fault(
    version: SoapVersion,
    *,
    code: str,
    status: int,
    detail: Mapping[str, str],
    text: str,
    namespace: str = PROBLEM_NAMESPACE,
    language: str = "en",
) -> bytes:
    """Return a whole envelope, UTF-8, with one Fault.

    `status` is the true HTTP status, also where the answer travels as 500; it decides whose fault it is:
    the sender's below 500, ours from there on. `code` and the names in `detail` must be XML names; the detail
    becomes one `problem` element in `namespace`, with `code` and `status` first:
    `<problem><code>no_route</code><status>404</status><sent>false</sent></problem>`.
    """
    told = {"code": code, "status": str(status), **detail}
    body = _SHAPES[version].format(
        blame=_BLAME[version, status < _SENDER_BELOW],
        code=code,
        namespace=namespace,
        language=language,
        text=_text(text),
        detail=_problem(namespace, told),
    )
    return envelope(version, body)


def envelope(version: SoapVersion, body: str) -> bytes:
    """Return `body`, XML text already escaped, in an envelope of this version, as UTF-8."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<s:Envelope xmlns:s="{version.envelope}"><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def _problem(namespace: str, told: Mapping[str, str]) -> str:
    elements = "".join(f"<{name}>{_text(value)}</{name}>" for name, value in told.items())
    return f'<problem xmlns="{namespace}">{elements}</problem>'


def _text(value: str) -> str:
    """Escape, and replace what XML 1.0 (2.2) cannot hold at all: a Fault must parse whatever it quotes."""
    return escape(_NOT_XML.sub("\ufffd", value))
