"""A body on its way waits for its sink, holds its sender back, and never looks complete when it is not."""

from relay.errors import BodyTooLarge, CallerGone, MalformedRequest, RelayError
from relay.message.stream import HIGH_WATER, Stream


class _Sink:
    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.ended = False
        self.fault: CallerGone | RelayError | None = None

    def take(self, octets: bytes) -> None:
        self.taken.append(octets)

    def over(self) -> None:
        self.ended = True

    def broke(self, fault: CallerGone | RelayError) -> None:
        self.fault = fault


def _stream() -> tuple[list[bool], Stream, _Sink]:
    held: list[bool] = []
    return held, Stream(held.append), _Sink()


def test_what_came_before_there_was_a_sink_is_handed_on_at_once_and_the_rest_as_it_comes() -> None:
    _, stream, sink = _stream()
    stream.put(b"a")
    stream.put(b"b")
    stream.flow(sink)
    stream.put(b"c")
    stream.end()
    assert (sink.taken, sink.ended, stream.came, stream.ended) == ([b"ab", b"c"], True, 3, True)


def test_a_sender_is_held_back_while_nobody_takes_and_let_go_again() -> None:
    held, stream, sink = _stream()
    stream.put(b"x" * (HIGH_WATER + 1))
    assert held == [True]
    stream.flow(sink)
    assert held == [True, False]
    stream.hold(True)
    assert held == [True, False, True]


def test_a_body_that_is_cut_short_never_looks_complete() -> None:
    _, stream, sink = _stream()
    stream.put(b"ab")
    stream.fail(CallerGone())
    stream.put(b"c")
    stream.end()
    stream.fail(MalformedRequest("a later one"))
    stream.flow(sink)
    assert (sink.taken, sink.ended, type(sink.fault)) == ([b"ab"], False, CallerGone)


def test_no_fault_comes_after_the_end() -> None:
    _, stream, sink = _stream()
    stream.flow(sink)
    stream.end()
    stream.fail(CallerGone())
    assert (sink.ended, sink.fault) == (True, None)


def test_a_body_over_its_limit_breaks_and_what_is_over_goes_nowhere() -> None:
    _, stream, sink = _stream()
    stream.limit(3)
    stream.flow(sink)
    stream.put(b"abc")
    stream.put(b"d")
    assert (sink.taken, type(sink.fault)) == ([b"abc"], BodyTooLarge)


def test_its_beginning_can_be_looked_at_without_taking_it() -> None:
    _, stream, sink = _stream()
    seen: list[bytes] = []
    stream.when_begun(seen.append, enough=1)
    assert seen == []
    stream.put(b"a")
    stream.put(b"b")
    stream.flow(sink)
    assert (seen, sink.taken) == ([b"a"], [b"ab"])


def test_as_much_of_its_beginning_is_waited_for_as_is_asked_for_or_is_to_come() -> None:
    for ends in (False, True):
        _, stream, sink = _stream()
        seen: list[bytes] = []
        stream.when_begun(seen.append, enough=4)
        stream.put(b"ab")
        stream.put(b"c")
        assert seen == []
        if ends:
            stream.end()
        else:
            stream.put(b"de")
        stream.flow(sink)
        assert seen == [b"abc"] if ends else [b"abcde"]
        assert sink.taken == seen


def test_a_body_without_octets_begins_with_its_end() -> None:
    _, stream, _ = _stream()
    seen: list[bytes] = []
    stream.end()
    stream.when_begun(seen.append, enough=1)
    assert seen == [b""]
