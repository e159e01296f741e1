"""Every refusal of an address comes with advice, and the advice is that of the question."""

import pytest

from relay.registry.domain.addresses import Refusal
from relay.registry.domain.advice import ADVICE


def test_every_refusal_has_its_advice() -> None:
    assert set(ADVICE) == set(Refusal)
    assert all(advice.endswith(".") for advice in ADVICE.values())


@pytest.mark.parametrize("reason", [Refusal.PRIVATE, Refusal.LOOPBACK, Refusal.LINK_LOCAL, Refusal.SHARED])
def test_q6_and_q12_who_gives_an_inner_address_is_told_how_to_find_the_public_one(reason: Refusal) -> None:
    assert "from the very network where the system certificate runs" in ADVICE[reason]
    assert "public IPv4 address" in ADVICE[reason]


def test_q13_who_gives_ipv6_is_told_to_register_the_ipv4_address_shown_beside_it() -> None:
    assert "Register the IPv4 address, even if IPv6 is shown" in ADVICE[Refusal.IPV6]


def test_q10_a_private_address_is_said_to_come_from_dhcp() -> None:
    assert "DHCP" in ADVICE[Refusal.PRIVATE]


def test_q17_a_shared_address_leads_to_the_advice_to_ask_for_a_fixed_one() -> None:
    assert "fixed public IPv4 address" in ADVICE[Refusal.SHARED]
