"""Turns and logs: no front is always the first, and a front's own log has the last word."""

from collections import Counter

import pytest

from bench import run
from bench.fronts.front import Front
from bench.loads.caller import Answer, content_length
from bench.process import BenchFault
from bench.run import believe, in_turn


def _front(**statuses: int) -> Front:
    counted = Counter({name.strip("_"): number for name, number in statuses.items()})
    return Front(name="some", port=1, pid=1, began=0.0, statuses=lambda: counted)


def test_fronts_take_turns_and_the_order_turns_round() -> None:
    assert list(in_turn("ab", 2)) == [(0, "b"), (0, "a"), (1, "a"), (1, "b"), (2, "b"), (2, "a")]


def test_a_log_with_a_line_for_every_call_is_believed() -> None:
    believe(_front(_200=10), 10)
    believe(_front(_200=11, _499=1), 10, surplus=2)


@pytest.mark.parametrize("statuses", [{"_200": 9}, {"_200": 12}, {"_200": 10, "_502": 1}, {"_200": 10, "_499": 1}, {}])
def test_a_log_that_says_otherwise_ends_the_bench(statuses: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_LINES_BY", 0.1)
    with pytest.raises(BenchFault):
        believe(_front(**statuses), 10)


def test_an_answer_is_whole_when_it_has_all_its_octets() -> None:
    answer = Answer()
    assert not answer.take(b"HTTP/1.1 200 OK\r\nContent-")
    assert not answer.take(b"Length: 4\r\n\r\nab")
    assert answer.take(b"cd")
    assert answer.body == b"abcd"


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_is_cut_off_refused_or_of_unknown_length_is_a_fault(octets: bytes) -> None:
    with pytest.raises(BenchFault):
        Answer().take(octets)


def test_a_length_is_found_whatever_its_case() -> None:
    assert content_length(b"HTTP/1.1 200 OK\r\ncontent-length: 7") == 7
