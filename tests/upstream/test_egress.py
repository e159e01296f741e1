"""The address that calls leave from."""

import socket
from ipaddress import IPv4Address

import pytest

from relay.errors import SourceAddressMissing, UpstreamUnreachable
from relay.upstream.egress import Egress

HERE, ELSEWHERE = IPv4Address("127.0.0.9"), IPv4Address("192.0.2.1")


def test_a_socket_is_bound_to_the_address_and_to_no_port_yet() -> None:
    """A port is chosen at connect: so 64,512 of them are there for each destination."""
    with Egress(HERE, HERE).socket() as sock:
        assert sock.getsockname() == (str(HERE), 0)
        assert not sock.getblocking()


def test_an_address_that_is_not_on_this_machine_is_told_before_anything_is_sent() -> None:
    with pytest.raises(SourceAddressMissing, match=r"192\.0\.2\.1 is not an address of this machine"):
        Egress(ELSEWHERE, ELSEWHERE).socket()


def test_it_is_known_by_the_address_that_vecozo_sees() -> None:
    assert str(Egress(HERE, IPv4Address("203.0.113.10"))) == "203.0.113.10"


def test_no_socket_left_is_a_failure_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(sock: socket.socket, place: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(UpstreamUnreachable, match="Permission denied"):
        Egress(HERE, HERE).socket()
