"""A nonce counts once while its signature could be shown again; whatever is not sure is no yes."""

from relay.auth.nonces import MOST_AHEAD, MOST_BACK, NO_NONCES, Seen, UsedNonces

START = 1_000.5


def _used(most: int = 10) -> UsedNonces:
    return UsedNonces(most=most, since=START)


def test_a_nonce_is_first_once() -> None:
    used = _used()
    assert [used.use(nonce, 2_000, 2_000.0) for nonce in (b"a", b"b", b"a")] == [Seen.FIRST, Seen.FIRST, Seen.BEFORE]


def test_it_is_remembered_until_its_signature_is_too_old_and_no_longer() -> None:
    used, created = _used(), 2_000
    earliest = created - MOST_AHEAD
    assert used.use(b"a", created, earliest) is Seen.FIRST
    assert used.use(b"a", created, created + MOST_BACK) is Seen.BEFORE
    used.use(b"b", created + MOST_BACK, created + MOST_BACK + 0.1)
    assert len(used) == 1


def test_when_it_is_full_nothing_is_sure_and_nothing_forgotten() -> None:
    used = _used(most=1)
    used.use(b"a", 2_000, 2_000.0)
    assert used.use(b"b", 2_000, 2_000.0) is Seen.UNSURE
    assert used.use(b"a", 2_000, 2_000.0) is Seen.BEFORE


def test_of_what_was_signed_before_the_start_nothing_is_sure() -> None:
    used = _used()
    assert [used.use(b"a", created, 1_001.0) for created in (1_000, 1_001)] == [Seen.UNSURE, Seen.FIRST]


def test_a_clock_that_was_ahead_for_a_while_makes_nothing_that_was_forgotten_new() -> None:
    used, ahead = _used(), MOST_BACK
    assert used.use(b"a", 2_000, 2_000.0) is Seen.FIRST
    assert used.use(b"b", 2_100, 2_100.0 + ahead) is Seen.FIRST
    assert len(used) == 1
    assert used.use(b"a", 2_000, 2_100.0) is Seen.UNSURE
    assert used.use(b"c", 2_000 + ahead + 100, 2_000.0 + ahead + 100) is Seen.FIRST


def test_who_remembers_nothing_is_sure_of_nothing() -> None:
    told: list[Seen] = []
    NO_NONCES.use(b"a", 2_000, told.append)
    assert told == [Seen.UNSURE]
