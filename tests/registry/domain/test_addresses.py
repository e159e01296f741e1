"""What may be registered as an address, each rule by the question that asks for it."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.registry.domain.addresses import AddressRange, AddressRefused, Refusal, parse_range, unwrap

PUBLIC = "198.100.20.7"
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ranges = st.tuples(addresses, addresses).map(lambda ends: AddressRange(min(ends), max(ends)))


def refusal(text: str, *, rehearsal: bool = False) -> AddressRefused:
    with pytest.raises(AddressRefused) as caught:
        parse_range(text, rehearsal=rehearsal)
    return caught.value


def span(text: str) -> tuple[str, str]:
    read = parse_range(text, rehearsal=False)
    return str(read.first), str(read.last)


def test_q11_a_public_ipv4_address_is_taken() -> None:
    assert span(PUBLIC) == (PUBLIC, PUBLIC)
    assert span(f"  {PUBLIC}\n") == (PUBLIC, PUBLIC)


def test_q14_a_block_is_taken_as_its_first_and_last_address() -> None:
    assert span("198.100.20.16/28") == ("198.100.20.16", "198.100.20.31")
    assert span(f"{PUBLIC}/32") == (PUBLIC, PUBLIC)


@pytest.mark.parametrize("dash", ["-", " - ", "\N{EN DASH}", " \N{EN DASH} "])
def test_q14_a_range_from_one_address_to_another_is_taken_also_as_q12_writes_it(dash: str) -> None:
    assert span(f"198.100.20.7{dash}198.100.20.9") == ("198.100.20.7", "198.100.20.9")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("198.100.20.7/32", "198.100.20.7"),
        ("198.100.20.7-198.100.20.7", "198.100.20.7"),
        ("198.100.20.16-198.100.20.31", "198.100.20.16/28"),
        ("198.100.20.16 - 198.100.20.30", "198.100.20.16-198.100.20.30"),
        ("::ffff:198.100.20.7", "198.100.20.7"),
    ],
)
def test_the_same_addresses_have_one_canonical_text(text: str, canonical: str) -> None:
    read = parse_range(text, rehearsal=False)
    assert str(read) == canonical
    assert parse_range(canonical, rehearsal=False) == read


@given(ranges)
def test_every_range_is_read_back_from_its_canonical_text(some: AddressRange) -> None:
    assert parse_range(str(some), rehearsal=True) == some


@given(ranges, addresses)
def test_a_range_holds_its_ends_and_what_lies_between(some: AddressRange, address: IPv4Address) -> None:
    assert some.first in some
    assert some.last in some
    assert (address in some) == (int(some.first) <= int(address) <= int(some.last))
    assert len(some) == int(some.last) - int(some.first) + 1


def test_a_range_holds_no_ipv6_address_of_the_same_number() -> None:
    assert IPv6Address(int(IPv4Address(PUBLIC))) not in parse_range(PUBLIC, rehearsal=False)


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
        *("10.1.2.0/24", "9.255.255.255-10.0.0.0", "172.31.255.255-172.32.0.0", "::ffff:10.0.0.1"),
    ],
)
def test_q12_private_addresses_are_refused(text: str) -> None:
    assert refusal(text).reason is Refusal.PRIVATE


@pytest.mark.parametrize(
    "text",
    [
        *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
        *("100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0"),
        *("192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "198.17.255.255", "198.20.0.0"),
        *("198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "1.0.0.0"),
    ],
)
def test_q12_the_neighbours_of_special_ranges_are_public(text: str) -> None:
    assert span(text) == (text, text)


@pytest.mark.parametrize("text", ["2001:db8::1", "::1", "fe80::1%eth0", "2002:c664:1407::/48", "2a00::1-2a00::2"])
def test_q13_ipv6_is_refused_as_such(text: str) -> None:
    assert refusal(text).reason is Refusal.IPV6
    assert refusal(text, rehearsal=True).reason is Refusal.IPV6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1", Refusal.LOOPBACK),
        ("169.254.10.10", Refusal.LINK_LOCAL),
        ("100.64.0.1", Refusal.SHARED),
        ("100.127.255.255", Refusal.SHARED),
        ("224.0.0.1", Refusal.MULTICAST),
        ("239.255.255.255", Refusal.MULTICAST),
        ("0.0.0.0", Refusal.RESERVED),
        ("192.0.0.8", Refusal.RESERVED),
        ("192.88.99.1", Refusal.RESERVED),
        ("198.19.255.255", Refusal.RESERVED),
        ("240.0.0.1", Refusal.RESERVED),
        ("255.255.255.255", Refusal.RESERVED),
        ("192.0.2.1", Refusal.DOCUMENTATION),
        ("198.51.100.1", Refusal.DOCUMENTATION),
        ("203.0.113.10", Refusal.DOCUMENTATION),
        ("0.0.0.0/0", Refusal.RESERVED),
    ],
)
def test_other_addresses_that_are_not_public_are_refused_each_with_its_reason(text: str, reason: Refusal) -> None:
    assert refusal(text).reason is reason


@pytest.mark.parametrize("text", ["10.0.0.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "203.0.113.10", "198.18.0.1"])
def test_a_rehearsal_takes_addresses_that_are_not_public(text: str) -> None:
    assert str(parse_range(text, rehearsal=True)) == text


@pytest.mark.parametrize("text", ["198.100.20.7/28", "198.100.20.1/0", "10.0.0.1/24"])
def test_a_block_with_host_bits_set_is_refused_rather_than_masked(text: str) -> None:
    assert refusal(text).reason is Refusal.HOST_BITS
    assert refusal(text, rehearsal=True).reason is Refusal.HOST_BITS


def test_a_block_with_host_bits_set_is_told_where_the_block_begins() -> None:
    assert "198.100.20.0/28" in refusal("198.100.20.7/28").detail


def test_a_range_that_runs_backwards_is_refused() -> None:
    assert refusal("198.100.20.9-198.100.20.7").reason is Refusal.BACKWARDS
    assert refusal("198.100.20.9-198.100.20.7", rehearsal=True).reason is Refusal.BACKWARDS


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "/", "198.100.20", "198.100.20.256", "198.100.20.7.1", "198.100.20.07", "0x7f.1.1.1"),
        *("198.100.20.7:443", "198.100.20.0/", "198.100.20.0/33", "198.100.20.0/-1", "198.100.20.0/+8"),
        *(
            "198.100.20.0/255.255.255.0",
            "198.100.20.0/²",
            "198.100.20.0/٢٤",
            "198.100.20.0/028",
            "3328447495",
            "praktijk.example",
        ),
        *("198.100.20.7-", "-198.100.20.7", "198.100.20.7-9", "198.100.20.1-198.100.20.2-198.100.20.3"),
        *("198.100.20.7,198.100.20.8", "198.100.20.0/28/28", "198.100.20.0 /28", "١٩٨.100.20.7", "198.100.20.7\0"),
    ],
)
def test_what_is_not_an_ipv4_address_is_refused(text: str) -> None:
    assert refusal(text).reason is Refusal.UNREADABLE
    assert refusal(text, rehearsal=True).reason is Refusal.UNREADABLE


@given(st.text() | st.from_regex(r"[0-9:./ -]{1,30}"))
def test_any_text_is_either_taken_or_refused(text: str) -> None:
    with suppress(AddressRefused):
        assert len(parse_range(text, rehearsal=False)) >= 1


def test_unreadable_text_is_not_repeated_for_it_may_be_a_patients_number() -> None:
    assert "999979668" not in refusal("999979668").detail


def test_a_mapped_caller_is_its_ipv4_address_and_others_stay_as_they_are() -> None:
    assert unwrap(IPv6Address(f"::ffff:{PUBLIC}")) == IPv4Address(PUBLIC)
    assert unwrap(IPv6Address("2001:db8::1")) == IPv6Address("2001:db8::1")
    assert unwrap(IPv4Address(PUBLIC)) == IPv4Address(PUBLIC)
