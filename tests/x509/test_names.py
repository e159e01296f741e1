from ipaddress import IPv4Address

from relay.x509.names import names_of
from tests.kit import authority as kit


def test_a_server_certificate_proves_its_dns_names_and_addresses() -> None:
    issued = kit.authority().issue_server(["Relay.Example.nl"], [IPv4Address("192.0.2.1")], at=kit.AT)
    assert names_of(issued.certificate) == {"relay.example.nl", "192.0.2.1"}


def test_a_certificate_without_alternative_names_proves_none() -> None:
    assert names_of(kit.authority().certificates[0]) == frozenset()
