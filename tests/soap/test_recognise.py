"""SOAP is recognised from the head alone."""

import pytest

from relay.soap.recognise import SoapVersion, requested_action, soap_version

ACTION = "http://schemas.vecozo.nl/VZ801802/v1/Controleer"


@pytest.mark.parametrize(
    ("content_type", "soap_action", "version"),
    [
        (b"text/xml; charset=utf-8", b'"urn:x"', SoapVersion.V1_1),
        (b"Text/XML", b"", SoapVersion.V1_1),
        (b"application/soap+xml", None, SoapVersion.V1_2),
        (b' Application/SOAP+xml ;charset=utf-8;action="urn:x"', None, SoapVersion.V1_2),
        (b"application/soap+xml", b"urn:x", SoapVersion.V1_2),
    ],
)
def test_a_soap_call_is_recognised(content_type: bytes, soap_action: bytes | None, version: SoapVersion) -> None:
    assert soap_version(content_type, soap_action) is version


@pytest.mark.parametrize(
    ("content_type", "soap_action"),
    [
        (None, None),
        (None, b"urn:x"),
        (b"text/xml", None),
        (b"text/xmlish", b"urn:x"),
        (b"application/xml", b"urn:x"),
        (b"application/json", b"urn:x"),
        (b"application/soap+xmlish", None),
        (b'application/json; note="text/xml"', b"urn:x"),
    ],
)
def test_what_is_not_soap_stays_so(content_type: bytes | None, soap_action: bytes | None) -> None:
    assert soap_version(content_type, soap_action) is None
    assert requested_action(content_type, soap_action) is None


@pytest.mark.parametrize("soap_action", [ACTION.encode(), f'"{ACTION}"'.encode(), f'  "{ACTION}" '.encode()])
def test_the_action_of_soap_11_is_read_quoted_or_not(soap_action: bytes) -> None:
    assert requested_action(b"text/xml", soap_action) == ACTION


@pytest.mark.parametrize(
    "parameter",
    [f'action="{ACTION}"', f"action={ACTION}", f'charset=utf-8; Action = "{ACTION}"; x="y"'],
)
def test_the_action_of_soap_12_is_read_from_the_content_type(parameter: str) -> None:
    assert requested_action(f"application/soap+xml; {parameter}".encode(), None) == ACTION


def test_an_action_within_quotes_may_hold_a_semicolon_and_an_escape() -> None:
    assert requested_action(rb'application/soap+xml; action="urn:a;b\"c"', None) == 'urn:a;b"c'


@pytest.mark.parametrize(
    ("content_type", "soap_action"),
    [
        (b"text/xml", b""),
        (b"text/xml", b'""'),
        (b"text/xml", b"urn:\xff"),
        (b"application/soap+xml", b"urn:ignored-in-1.2"),
        (b"application/soap+xml; reaction=urn:x", None),
    ],
)
def test_without_a_readable_action_there_is_none(content_type: bytes, soap_action: bytes | None) -> None:
    assert requested_action(content_type, soap_action) is None
