"""What a record holds is handed on as soon as all of it is here, in whatever pieces a network brings it."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from relay.tls.channel import Channel
from relay.tls.departures import Departures
from tests.kit import authority as kit

RECORD = 16 * 1024


class Reader(asyncio.Protocol):
    """Keeps what the channel hands on."""

    def __init__(self) -> None:
        self.octets = b""

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.octets += data


class Wire(asyncio.Transport):
    """The transport below the channel: what the channel writes is given to `there`."""

    def __init__(self, there: Callable[[bytes], object]) -> None:
        super().__init__()
        self._there = there

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Give it at once."""
        self._there(bytes(data))

    def is_closing(self) -> bool:
        """Never."""
        return False


class Pair:
    """A caller's TLS in memory, and the serving channel that it has shaken hands with."""

    def __init__(self, folder: Path, version: ssl.TLSVersion) -> None:
        (folder / "server.pem").write_bytes(kit.server().chain_pem() + kit.server().key_pem())
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(folder / "server.pem")
        calling = ssl.create_default_context(cadata=kit.authority().trust_pem().decode())
        calling.minimum_version = calling.maximum_version = version
        incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = calling.wrap_bio(incoming, self._outgoing, server_hostname="localhost")
        self.read = Reader()
        self.channel = Channel(
            self.read, serving, Departures(asyncio.get_running_loop()), shaken=lambda channel, error: None
        )
        self.channel.connection_made(Wire(incoming.write))
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.channel.data_received(self._outgoing.read())
        self.channel.data_received(self._outgoing.read())

    def sealed(self, octets: bytes) -> bytes:
        """Return `octets` as the caller's TLS puts them on the wire."""
        self._tls.write(octets)
        return self._outgoing.read()


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    """A pair that speaks one version."""
    return Pair(tmp_path, ssl.TLSVersion[request.param])


@pytest.mark.parametrize("size", [1, 5, 6, 700, 5000, RECORD - 1])
async def test_a_record_in_pieces_is_handed_on_whole_with_its_last_piece(pair: Pair, size: int) -> None:
    octets = bytes(range(256)) * (RECORD // 256)
    wire = pair.sealed(octets)
    for start in range(0, len(wire), size):
        assert pair.read.octets == b""
        pair.channel.data_received(wire[start : start + size])
        assert pair.channel.between_records == (start + size >= len(wire))
    assert pair.read.octets == octets


@pytest.mark.parametrize("sizes", [(1, 1, 1), (RECORD, 1, RECORD), (1, RECORD, 3000)])
async def test_records_that_come_together_are_handed_on_together(pair: Pair, sizes: tuple[int, ...]) -> None:
    sent = [bytes([65 + place]) * size for place, size in enumerate(sizes)]
    pair.channel.data_received(b"".join(pair.sealed(octets) for octets in sent))
    assert pair.read.octets == b"".join(sent)
    assert pair.channel.between_records


async def test_the_end_of_one_record_and_the_beginning_of_the_next_may_come_together(pair: Pair) -> None:
    first, second = b"a" * RECORD, b"b" * RECORD
    wire = pair.sealed(first) + pair.sealed(second)
    for piece in (wire[:9000], wire[9000:20000]):
        pair.channel.data_received(piece)
    assert pair.read.octets == first
    assert not pair.channel.between_records
    pair.channel.data_received(wire[20000:])
    assert pair.read.octets == first + second
