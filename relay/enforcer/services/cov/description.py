"""The WSDL as served: one port, at the very address that was asked."""

import re
from importlib import resources

from lxml import etree

from relay.soap.recognise import SoapVersion

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_PORTS = {SoapVersion.V1_1: "Soap11", SoapVersion.V1_2: "Soap12"}

# reg-name or IPv4 or bracketed IPv6 and a port (RFC 3986, 3.2.2), less than it allows: nothing that needs escaping.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)


def describe(version: SoapVersion, address: str) -> bytes:
    """Return the WSDL, UTF-8, with `address` (a whole URL) as the only place to call."""
    description = etree.fromstring(_document())
    service = description.find(f"{_WSDL}service")
    assert service is not None, "the WSDL in this package has a service"  # noqa: S101  narrows a type
    for port in service.findall(f"{_WSDL}port"):
        if port.get("name") == _PORTS[version]:
            port[0].set("location", address)
        else:
            service.remove(port)
    return etree.tostring(description, xml_declaration=True, encoding="utf-8")


def public_address(path: str, *, host: str | None, public_url: str | None) -> str | None:
    """Return where a caller reaches `path`, or None when nothing tells it.

    `public_url` is the setting for a service behind something that sends its own Host (the relay does).
    Without it the caller's Host counts, if it is well-formed.
    """
    if public_url is not None:
        return public_url.rstrip("/") + path
    return f"https://{host}{path}" if host is not None and _HOST.fullmatch(host) else None


def _document() -> bytes:
    return resources.files(__package__).joinpath("cov.wsdl").read_bytes()
