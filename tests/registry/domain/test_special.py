"""The table of special ranges, held against itself and against the registration page."""

from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

import pytest

from relay.registry.domain.addresses import Refusal
from relay.registry.domain.special import SPECIAL, Special, special_within


def test_the_table_is_sorted_and_nothing_in_it_overlaps() -> None:
    assert all(one.broadcast_address < other.network_address for (one, _), (other, _) in pairwise(SPECIAL))


def test_q12_exactly_the_three_ranges_of_the_page_are_private() -> None:
    private = {network for network, special in SPECIAL if special is Special.PRIVATE}
    assert private == {IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16")}


def test_every_special_range_has_a_refusal_of_its_name() -> None:
    assert {special for _, special in SPECIAL} == set(Special)
    assert {special.value for special in Special} <= {refusal.value for refusal in Refusal}


@pytest.mark.parametrize(("network", "special"), SPECIAL)
def test_a_special_range_is_found_from_its_first_to_its_last_address(network: IPv4Network, special: Special) -> None:
    for address in (network.network_address, network.broadcast_address):
        assert special_within(address, address) == (network, special)


def test_a_special_range_is_found_inside_a_wider_one() -> None:
    found = special_within(IPv4Address("126.0.0.0"), IPv4Address("129.0.0.0"))
    assert found == (IPv4Network("127.0.0.0/8"), Special.LOOPBACK)
