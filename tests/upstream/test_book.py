"""The book of guards and stops as octets: what is written is read, and nothing else is taken for an empty one."""

import pytest

from relay.upstream.book import Book, BookUnreadable
from relay.upstream.guard import Guard, State

FULL = Book(
    guards={
        ("linde", "192.0.2.9"): Guard(state=State.HOLDING, refused=4, since=1.5, pause=10, due=11.5, holds=2, probes=3),
        ("linde/iwlz", "192.0.2.9"): Guard(),
    },
    stops={("linde", "cov"): 12.25},
    last_good={("linde", "192.0.2.9"): 0.5, ("linde/iwlz", "192.0.2.9"): 0.0},
)


def test_what_is_written_is_read() -> None:
    assert Book.read(FULL.octets()) == FULL


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"version": 2, "guards": [], "stops": []}',
        b'{"version": 1, "guards": [{"way": "a"}], "stops": []}',
        b'{"version": 1, "guards": [], "stops": [1]}',
        FULL.octets().replace(b"holding", b"dreaming"),
        FULL.octets()[:-20],
    ],
)
def test_anything_else_is_unreadable(octets: bytes) -> None:
    with pytest.raises(BookUnreadable):
        Book.read(octets)


def test_a_restart_forgets_probes_and_guards_that_are_no_more_but_no_stop() -> None:
    left = Book(
        guards={("a", "1"): Guard(state=State.PROBING, permit="7.1", due=900, pause=5), ("gone", "1"): Guard()},
        stops={("gone", "cov"): 5.0},
        last_good={("a", "1"): 3.0},
    )
    book = left.after_restart([("a", "1"), ("new", "1")], 100)
    assert book.guards == {
        ("a", "1"): Guard(state=State.HOLDING, since=100, pause=5, due=105),
        ("new", "1"): Guard(),
    }
    assert book.stops == {("gone", "cov"): 5.0}
    assert book.last_good == {("a", "1"): 3.0, ("new", "1"): 0.0}
