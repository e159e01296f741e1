"""What happens often is told seldom, and how often it happened is not lost."""

from relay.observe.seldom import Seldom


def test_the_first_is_told_and_the_rest_are_counted_for_the_next_one_told() -> None:
    now = 100.0
    seldom = Seldom(60, lambda: now)
    assert [seldom.times("a") for _ in range(3)] == [1, 0, 0]
    now += 59.9
    assert seldom.times("a") == 0
    now += 0.1
    assert [seldom.times("a"), seldom.times("a")] == [4, 0]


def test_one_thing_does_not_keep_another_from_being_told() -> None:
    seldom = Seldom(60, lambda: 0.0)
    assert [seldom.times("a"), seldom.times("b")] == [1, 1]
