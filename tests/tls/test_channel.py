"""What a record holds is handed on as soon as all of it is here, in whatever pieces a network brings it."""

import asyncio
import ssl
import struct
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
        calling.keylog_filename = str(folder / "secrets")
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


class Sealer:
    """Seals records of TLS 1.3 such as Python's callers never send: RFC 8446, sections 4.6.3, 5.1 to 5.4 and 7."""

    APPLICATION, HANDSHAKE = 23, 22

    def __init__(self, folder: Path) -> None:
        told = dict(line.split()[::2] for line in (folder / "secrets").read_text().splitlines() if line[0] != "#")
        self._use(bytes.fromhex(told["CLIENT_TRAFFIC_SECRET_0"]))

    def _use(self, secret: bytes) -> None:
        self._secret, self._number = secret, 0
        self._key, self._iv = self._expanded(b"key", 32), self._expanded(b"iv", 12)

    def _expanded(self, label: bytes, length: int) -> bytes:
        label = b"tls13 " + label
        info = struct.pack(">HB", length, len(label)) + label + b"\0"
        return HKDFExpand(SHA384(), length, info).derive(self._secret)

    def record(self, octets: bytes, kind: int = APPLICATION, padding: int = 0) -> bytes:
        """Return a record that holds these octets, an empty one perhaps, and so much padding."""
        inside = octets + bytes([kind]) + bytes(padding)
        head = b"\x17\x03\x03" + struct.pack(">H", len(inside) + 16)
        nonce = bytes(a ^ b for a, b in zip(self._iv, self._number.to_bytes(12), strict=True))
        self._number += 1
        return head + AESGCM(self._key).encrypt(nonce, inside, head)

    def new_keys(self, *, wants_theirs: bool, halves: bool) -> bytes:
        """Return a KeyUpdate, in two records perhaps; from here on the next keys seal."""
        word = bytes([24, 0, 0, 1, wants_theirs])
        parts = (word[:3], word[3:]) if halves else (word,)
        wire = b"".join(self.record(part, self.HANDSHAKE) for part in parts)
        self._use(self._expanded(b"traffic upd", 48))
        return wire


_SIZES = st.one_of(st.integers(0, 40), st.sampled_from([RECORD - 1, RECORD]), st.integers(0, RECORD))
_RECORDS = st.one_of(
    st.tuples(st.just("octets"), _SIZES, st.sampled_from([0, 0, 0, 1, 300, 9000])),
    st.tuples(st.just("keys"), st.booleans(), st.booleans()),
)


async def _plays(records: list[tuple[str, int, int]], cuts: list[float]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pair = Pair(folder, ssl.TLSVersion.TLSv1_3)
        sealer = Sealer(folder)
    wire, whole = b"", [(0, 0)]  # where each record ends on the wire, and in what is to be read
    read = b""
    for number, (what, first, second) in enumerate(records):
        if what == "keys":
            wire += sealer.new_keys(wants_theirs=bool(first), halves=bool(second))
        else:
            wire += sealer.record(bytes([number + 1]) * first, padding=min(second, RECORD - first))
            read += bytes([number + 1]) * first
        whole.append((len(wire), len(read)))
    places = sorted({0, len(wire), *(int(cut * len(wire)) for cut in cuts)})
    for start, end in pairwise(places):
        pair.channel.data_received(wire[start:end])
        due = max(octets for ends, octets in whole if ends <= end)
        assert pair.read.octets == read[:due], "what is whole is handed on, and nothing else"
        assert not pair.channel.between_records or end in {ends for ends, _ in whole}


@settings(max_examples=60, deadline=None)
@example([("octets", RECORD, 0), ("octets", 0, 0), ("keys", 1, 1), ("octets", 9000, 300)], [])
@given(st.lists(_RECORDS, min_size=1, max_size=12), st.lists(st.floats(0, 1), max_size=12))
def test_whatever_comes_between_records_nothing_that_is_whole_stays_inside(
    records: list[tuple[str, int, int]], cuts: list[float]
) -> None:
    """Empty records, padded ones, keys that change, in any pieces: OpenSSL never keeps octets that nobody asks for."""
    asyncio.run(_plays(records, cuts))
