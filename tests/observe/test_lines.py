"""Lines on their way: those of a turn leave together, but never in a write that a pipe would tear."""

import asyncio
import io
import os
import threading
from pathlib import Path

from relay.observe.lines import Lines


class Writes(io.BytesIO):
    """Remembers each write. `place` is where it claims to write to."""

    def __init__(self, place: int = -1) -> None:
        super().__init__()
        self._place = place
        self.made: list[bytes] = []

    def fileno(self) -> int:
        return self._place

    def write(self, octets: object) -> int:
        assert isinstance(octets, bytes)
        self.made.append(octets)
        return len(octets)


async def test_the_lines_of_one_turn_are_one_write() -> None:
    stream = Writes()
    lines = Lines(stream)
    for number in range(100):
        lines.write(b"%0100d\n" % number)
    await asyncio.sleep(0)
    assert [len(octets) for octets in stream.made] == [10_100]


async def test_at_once_leaves_no_more_than_told_and_every_line_stays_whole() -> None:
    stream = Writes()
    lines = Lines(stream, at_once=4096)
    expected = b""
    for number in range(100):
        line = b"%0*d\n" % (50 * (number % 9), number)
        lines.write(line)
        expected += line
    await asyncio.sleep(0)
    assert b"".join(stream.made) == expected
    assert len(stream.made) > 1
    assert all(len(octets) <= 4096 and octets.endswith(b"\n") for octets in stream.made)


async def test_a_line_that_is_longer_than_that_goes_alone() -> None:
    stream = Writes()
    lines = Lines(stream, at_once=10)
    for line in (b"short\n", b"longer than ten\n", b"end\n"):
        lines.write(line)
    lines.flush()
    assert stream.made == [b"short\n", b"longer than ten\n", b"end\n"]


async def test_what_others_write_to_as_well_gets_what_it_takes_whole(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    file = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    for place, most in ((writing, 4), (file, 100)):
        stream = Writes(place)
        lines = Lines.shared(stream)
        for _ in range(100):
            lines.write(b"%0999d\n" % 0)
        lines.flush()
        assert [len(octets) for octets in stream.made] == [most * 1000] * (100 // most)
    for place in (reading, writing, file):
        os.close(place)


async def test_a_pipe_that_is_full_and_waits_for_nobody_loses_nothing() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    came: list[bytes] = []

    def read() -> None:
        with os.fdopen(reading, "rb", buffering=0) as octets:
            while part := octets.read(1000):
                came.append(part)

    reader = threading.Thread(target=read)
    expected = [b"%0100d\n" % number for number in range(5_000)]
    with os.fdopen(writing, "wb", buffering=0) as stream:
        lines = Lines(stream)
        for line in expected:
            lines.write(line)
        reader.start()
        lines.flush()
    reader.join()
    assert b"".join(came) == b"".join(expected)
