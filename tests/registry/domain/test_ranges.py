"""All that is registered for one number, against the plain meaning of it."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.ranges import NONE, Ranges
from tests.kit.registry import NOON

# Few enough numbers that ranges touch, overlap and lie in one another; and both ends of all there are.
_NUMBERS = st.one_of(st.integers(0, 40), st.integers(2**32 - 40, 2**32 - 1))
_BOUNDS = st.tuples(_NUMBERS, _NUMBERS).map(lambda pair: (min(pair), max(pair)))


def _range(bounds: tuple[int, int]) -> AddressRange:
    return AddressRange(IPv4Address(bounds[0]), IPv4Address(bounds[1]))


@given(st.lists(_BOUNDS, max_size=12), _NUMBERS)
def test_an_address_is_among_them_when_it_lies_in_any(bounds: list[tuple[int, int]], number: int) -> None:
    assert Ranges(bounds).have(IPv4Address(number), at=NOON) == any(first <= number <= last for first, last in bounds)


@given(st.permutations([(1, 9), (3, 4), (3, 20), (30, 30)]))
def test_the_order_of_registration_is_no_matter(bounds: list[tuple[int, int]]) -> None:
    assert Ranges(bounds) == Ranges(reversed(bounds))
    assert list(Ranges(bounds)) == [_range(each) for each in sorted(bounds)]


@given(st.lists(_BOUNDS, max_size=8), _BOUNDS, _NUMBERS)
def test_one_more_lets_no_address_out_and_one_less_lets_none_in(
    bounds: list[tuple[int, int]], one: tuple[int, int], number: int
) -> None:
    ranges, address = Ranges(bounds), IPv4Address(number)
    more, fewer = ranges.having(_range(one)), ranges.without(_range(one))
    assert more.have(address, at=NOON) == (ranges.have(address, at=NOON) or address in _range(one))
    assert fewer.have(address, at=NOON) <= ranges.have(address, at=NOON)
    assert ranges.having(_range(one)).without(_range(one)) == ranges.without(_range(one))


def test_an_ipv6_address_is_never_among_them() -> None:
    assert not Ranges([(0, 2**32 - 1)]).have(IPv6Address("::1"), at=NOON)


def test_none_are_nothing() -> None:
    assert not NONE
    assert not NONE.have(IPv4Address(0), at=NOON)


def test_the_repr_tells_what_is_registered() -> None:
    assert repr(Ranges([(0, 3), (9, 9)])) == "<Ranges 0.0.0.0/30, 0.0.0.9>"


@given(st.lists(_BOUNDS, max_size=6), st.lists(_BOUNDS, max_size=4), _NUMBERS)
def test_what_ends_counts_until_then_and_is_remembered_afterwards(
    bounds: list[tuple[int, int]], ending: list[tuple[int, int]], number: int
) -> None:
    ranges, address = Ranges(bounds), IPv4Address(number)
    for each in ending:
        ranges = ranges.having(_range(each), NOON)
    among = any(first <= number <= last for first, last in ending)
    lasting = any(first <= number <= last for first, last in bounds if (first, last) not in ending)
    assert ranges.have(address, at=NOON - timedelta(seconds=1)) == (lasting or among)
    assert ranges.have(address, at=NOON) == lasting
    assert ranges.had(address, at=NOON) == among
    assert not ranges.had(address, at=NOON - timedelta(seconds=1))
    assert all(ranges.among(_range(each)) for each in (*bounds, *ending))
    assert sorted(map(str, ranges)) == sorted({str(_range(each)) for each in (*bounds, *ending)})


def test_another_end_takes_the_place_of_the_one_before() -> None:
    one = _range((1, 9))
    later = NONE.having(one, NOON).having(one, NOON + timedelta(days=1))
    assert later.have(IPv4Address(5), at=NOON)
    assert later.having(one) == NONE.having(one)
    assert NONE.having(one).having(one, NOON).had(IPv4Address(5), at=NOON)
    assert not later.without(one)


def test_those_that_share_addresses_are_told_but_for_the_one_that_is_just_so() -> None:
    ranges = Ranges([(1, 9), (9, 20), (21, 30)]).having(_range((5, 6)), NOON)
    assert list(ranges.overlapping(_range((1, 9)))) == [_range((5, 6)), _range((9, 20))]
    assert list(ranges.overlapping(_range((9, 20)))) == [_range((1, 9))]


def test_other_ranges_are_others() -> None:
    ranges = Ranges([(1, 9)])
    assert ranges != NONE
    assert ranges != NONE.having(_range((1, 9)), NOON)
    assert ranges != [(1, 9)]


def test_the_first_address_of_all_is_one_and_no_more() -> None:
    first = Ranges([(0, 0)])
    assert [first.have(IPv4Address(number), at=NOON) for number in (0, 1)] == [True, False]


def test_no_ipv6_address_was_ever_among_them() -> None:
    ended = NONE.having(_range((1, 9)), NOON)
    assert ended.had(IPv4Address(5), at=NOON)
    assert not ended.had(IPv6Address(5), at=NOON)
