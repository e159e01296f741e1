"""However a body comes in pieces, its check says the same, and nobody can take a wrong one for whole."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import BodyTooLarge, CallerGone, DigestWrong, RelayError
from relay.message.digest import BodyDigest
from relay.message.stream import Stream

PIECES = st.lists(st.binary(min_size=1, max_size=8), max_size=6)


class _Sink:
    def __init__(self) -> None:
        self.taken = b""
        self.ended = False
        self.fault: CallerGone | RelayError | None = None

    def take(self, octets: bytes) -> None:
        assert octets
        self.taken += octets

    def over(self) -> None:
        self.ended = True

    def broke(self, fault: CallerGone | RelayError) -> None:
        self.fault = fault


def _digest(body: bytes) -> BodyDigest:
    return BodyDigest({"sha-256": hashlib.sha256(body).digest(), "sha-512": hashlib.sha512(body).digest()})


@given(
    pieces=PIECES,
    beginning=st.binary(max_size=4),
    right=st.booleans(),
    looked=st.integers(0, 7),
    flows=st.integers(0, 7),
)
def test_whatever_the_pieces_the_verdict_is_the_same_and_a_right_body_arrives_unchanged(
    pieces: list[bytes], beginning: bytes, right: bool, looked: int, flows: int
) -> None:
    """The check begins before the piece `looked`, the sink comes before the piece `flows`, or at the end."""
    rest = b"".join(pieces)
    check = _digest(beginning + rest if right else beginning + rest + b"x").begin()
    check.take(beginning)
    stream, sink = Stream(lambda held: None), _Sink()
    looked = min(looked, len(pieces))
    flows = max(looked, min(flows, len(pieces)))
    for number, piece in enumerate(pieces):
        if number == looked:
            stream.check(check)
        if number == flows:
            stream.flow(sink)
        stream.put(piece)
        # Whoever counts octets misses some until the end.
        assert len(sink.taken) < len(rest)
    if looked == len(pieces):
        stream.check(check)
    stream.end()
    if flows == len(pieces):
        stream.flow(sink)
    if right:
        assert (sink.taken, sink.ended, sink.fault) == (rest, True, None)
    else:
        assert (sink.ended, type(sink.fault)) == (False, DigestWrong)
        assert not rest or len(sink.taken) < len(rest)


@given(pieces=PIECES, right=st.booleans())
def test_of_a_body_that_is_all_here_it_is_said_at_once(pieces: list[bytes], right: bool) -> None:
    stream, sink, body = Stream(lambda held: None), _Sink(), b"".join(pieces)
    for piece in pieces:
        stream.put(piece)
    stream.end()
    check = _digest(body if right else body + b"x").begin()
    if right:
        stream.check(check)
        stream.flow(sink)
        assert (sink.taken, sink.ended) == (body, True)
    else:
        with pytest.raises(DigestWrong):
            stream.check(check)


def test_a_caller_that_leaves_is_told_as_one_and_what_was_withheld_stays() -> None:
    stream, sink = Stream(lambda held: None), _Sink()
    stream.check(_digest(b"ab").begin())
    stream.flow(sink)
    stream.put(b"a")
    stream.put(b"b")
    stream.fail(CallerGone())
    stream.end()
    assert (sink.taken, sink.ended, type(sink.fault)) == (b"a", False, CallerGone)


def test_every_digest_has_to_be_right() -> None:
    right, wrong = hashlib.sha256(b"a").digest(), hashlib.sha512(b"b").digest()
    check = BodyDigest({"sha-256": right, "sha-512": wrong}).begin()
    check.take(b"a")
    assert not check.right()


def test_no_digest_is_no_proof() -> None:
    assert not BodyDigest({}).begin().right()


def test_a_limit_counts_what_is_here_already() -> None:
    """Who calls may have been found out later than its body came."""
    stream = Stream(lambda held: None)
    stream.put(b"abc")
    stream.end()
    with pytest.raises(BodyTooLarge):
        stream.limit(2)
    stream.limit(3)
