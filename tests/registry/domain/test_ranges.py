"""All that is registered for one number, against the plain meaning of it."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.ranges import NONE, Ranges

# Few enough numbers that ranges touch, overlap and lie in one another; and both ends of all there are.
_NUMBERS = st.one_of(st.integers(0, 40), st.integers(2**32 - 40, 2**32 - 1))
_BOUNDS = st.tuples(_NUMBERS, _NUMBERS).map(lambda pair: (min(pair), max(pair)))


def _range(bounds: tuple[int, int]) -> AddressRange:
    return AddressRange(IPv4Address(bounds[0]), IPv4Address(bounds[1]))


@given(st.lists(_BOUNDS, max_size=12), _NUMBERS)
def test_an_address_is_among_them_when_it_lies_in_any(bounds: list[tuple[int, int]], number: int) -> None:
    assert (IPv4Address(number) in Ranges(bounds)) == any(first <= number <= last for first, last in bounds)


@given(st.permutations([(1, 9), (3, 4), (3, 20), (30, 30)]))
def test_the_order_of_registration_is_no_matter(bounds: list[tuple[int, int]]) -> None:
    assert Ranges(bounds) == Ranges(reversed(bounds))
    assert list(Ranges(bounds)) == [_range(each) for each in sorted(bounds)]


@given(st.lists(_BOUNDS, max_size=8), _BOUNDS, _NUMBERS)
def test_one_more_lets_no_address_out_and_one_less_lets_none_in(
    bounds: list[tuple[int, int]], one: tuple[int, int], number: int
) -> None:
    ranges, address = Ranges(bounds), IPv4Address(number)
    assert (address in ranges.having(_range(one))) == (address in ranges or address in _range(one))
    assert (address in ranges.without(_range(one))) <= (address in ranges)
    assert ranges.having(_range(one)).without(_range(one)) == ranges.without(_range(one))


def test_an_ipv6_address_is_never_among_them() -> None:
    assert IPv6Address("::1") not in Ranges([(0, 2**32 - 1)])


def test_none_are_nothing() -> None:
    assert not NONE
    assert IPv4Address(0) not in NONE


def test_the_repr_tells_what_is_registered() -> None:
    assert repr(Ranges([(0, 3), (9, 9)])) == "<Ranges 0.0.0.0/30, 0.0.0.9>"
