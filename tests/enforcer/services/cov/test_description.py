"""The WSDL holds exactly the words of `relay.soap.cov`, and sends callers to the address they asked."""

from collections.abc import Iterable

import pytest
from lxml import etree

from relay.enforcer.services.cov.description import describe, public_address
from relay.soap import cov
from relay.soap.recognise import SoapVersion

NAMES = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap11": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "xsd": "http://www.w3.org/2001/XMLSchema",
}
ADDRESS = "https://gate.example:8443/cov/vz801802/v1/soap11"


def texts(path: str, version: SoapVersion = SoapVersion.V1_1) -> list[str]:
    found = etree.fromstring(describe(version, ADDRESS)).xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    return [str(text) for text in found]


def elements(type_name: str) -> tuple[str, ...]:
    return tuple(texts(f"//xsd:complexType[@name='{type_name}']//xsd:element/@name"))


def test_the_wsdl_has_the_namespaces_and_the_action() -> None:
    assert texts("/wsdl:definitions/@targetNamespace") == [cov.NAMESPACE]
    assert texts("//xsd:schema/@targetNamespace") == [cov.TYPES, cov.MESSAGES, cov.NAMESPACE]
    assert set(texts("//soap11:operation/@soapAction | //soap12:operation/@soapAction")) == {cov.ACTION}
    assert set(texts("//wsdl:operation/@name")) == {cov.OPERATION}
    assert texts("//xsd:schema/xsd:element/@name") == [cov.OPERATION, cov.RESPONSE]


def test_the_wsdl_has_the_elements_in_their_order() -> None:
    assert elements("Zorgaanbieder") == cov.PROVIDER_FIELDS
    assert elements("Zoekopdracht") == cov.QUERY_FIELDS
    assert elements("Verzekerde") == cov.INSURED_FIELDS
    assert elements("Verzekering") == cov.POLICY_FIELDS


def test_the_wsdl_demands_of_a_query_what_the_service_demands() -> None:
    path = "//xsd:complexType[@name='Zoekopdracht']//xsd:element[not(@minOccurs='0')]/@name"
    assert set(texts(path)) == cov.QUERY_REQUIRED


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("VerzoekResultaat", cov.Outcome),
        ("ZoekResultaat", cov.QueryOutcome),
        ("VerzekerdeResultaat", cov.InsuredOutcome),
        ("VerzekeringResultaat", cov.PolicyOutcome),
    ],
)
def test_the_wsdl_has_every_result_code_and_no_other(name: str, words: Iterable[str]) -> None:
    assert texts(f"//xsd:simpleType[@name='{name}']//xsd:enumeration/@value") == list(words)


@pytest.mark.parametrize(
    ("version", "port", "prefix"), [(SoapVersion.V1_1, "Soap11", "soap11"), (SoapVersion.V1_2, "Soap12", "soap12")]
)
def test_the_wsdl_has_one_port_at_the_address_that_was_asked(version: SoapVersion, port: str, prefix: str) -> None:
    assert texts("//wsdl:port/@name", version) == [port]
    assert texts(f"//wsdl:port/{prefix}:address/@location", version) == [ADDRESS]


@pytest.mark.parametrize("host", ["gate.example", "gate.example:8443", "127.0.0.1:50000", "[::1]:8443"])
def test_the_address_follows_the_host_as_the_caller_sees_it(host: str) -> None:
    assert public_address("/cov", host=host, public_url=None) == f"https://{host}/cov"


@pytest.mark.parametrize(
    "host",
    [None, "", "a b", "user@gate.example", "gate.example/path", "gate.example:", "gate:8443:1", 'a"b', "a,b", "::1"],
)
def test_a_malformed_host_gives_no_address(host: str | None) -> None:
    assert public_address("/cov", host=host, public_url=None) is None


def test_a_public_url_wins_over_the_host() -> None:
    told = public_address("/cov", host="gate.internal:8443", public_url="https://relay.example/praktijk-a/")
    assert told == "https://relay.example/praktijk-a/cov"
