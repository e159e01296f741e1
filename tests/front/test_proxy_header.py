"""PROXY protocol v2 as octets: who is told, and what is no header to go by (proxy-protocol.txt, section 2.2)."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.front.proxy_header import LONGEST, ProxyHeader, ProxyHeaderFault, Reason, crc32c, read_proxy_header
from tests.kit.proxied import LOCAL, PROXY, SIGNATURE, TCP4, TCP6, extension, header, told

ALPN = extension(0x01, b"http/1.1")
FOUR = bytes(12)


def summed(source: str, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a header with its right CRC32c between other extensions."""
    zeroed = told(source, before + extension(0x03, bytes(4)) + after)
    at = len(zeroed) - len(after) - 4
    return zeroed[:at] + crc32c(zeroed).to_bytes(4) + zeroed[at + 4 :]


GOOD = {
    "IPv4": (told("203.0.113.7"), "203.0.113.7"),
    "IPv6": (told("2001:db8:0:0:1::7"), "2001:db8::1:0:0:7"),
    "IPv4 in IPv6": (told("::ffff:203.0.113.7"), "203.0.113.7"),
    "extensions": (told("203.0.113.7", ALPN + extension(0xEA, b"\x01vpce-0123456789abcdef")), "203.0.113.7"),
    "an empty extension": (told("203.0.113.7", extension(0x04, b"")), "203.0.113.7"),
    "checksum": (summed("203.0.113.7"), "203.0.113.7"),
    "checksum amid others": (summed("2001:db8::7", ALPN, ALPN), "2001:db8::7"),
    "the longest": (told("203.0.113.7", extension(0x04, bytes(LONGEST - 15))), "203.0.113.7"),
    "LOCAL": (header(command=LOCAL, family=0), None),
    "LOCAL with what is to be ignored": (header(b"anything", command=LOCAL, family=0x31), None),
}


def faulty_sum() -> bytes:
    good = summed("203.0.113.7")
    return good[:-1] + bytes([good[-1] ^ 1])


BAD = {
    "TLS at once": (b"\x16\x03\x01\x02\x00", Reason.NO_HEADER),
    "HTTP": (b"GET / HTTP/1.1\r\n", Reason.NO_HEADER),
    "signature that ends otherwise": (SIGNATURE[:-1] + b"\r", Reason.NO_HEADER),
    "version 1": (b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", Reason.VERSION_1),
    "a part of version 1": (b"PRO", Reason.VERSION_1),
    "version 1 in a version 2": (header(FOUR, command=0x11), Reason.VERSION),
    "version 3": (header(FOUR, command=0x31), Reason.VERSION),
    "an unknown command": (header(FOUR, command=0x22), Reason.COMMAND),
    "unspecified family": (header(FOUR, family=0x00), Reason.FAMILY),
    "UDP over IPv4": (header(FOUR, family=0x12), Reason.FAMILY),
    "UDP over IPv6": (header(bytes(36), family=0x22), Reason.FAMILY),
    "UNIX stream": (header(bytes(216), family=0x31), Reason.FAMILY),
    "UNIX datagram": (header(bytes(216), family=0x32), Reason.FAMILY),
    "IPv4 too short": (header(FOUR[:11]), Reason.LENGTH),
    "IPv6 too short": (header(bytes(35), family=TCP6), Reason.LENGTH),
    "no addresses": (header(), Reason.LENGTH),
    "too long": (header(bytes(LONGEST + 1))[:16], Reason.LENGTH),
    "too long for LOCAL": (header(bytes(LONGEST + 1), command=LOCAL)[:16], Reason.LENGTH),
    "an extension of one octet": (told("203.0.113.7", b"\x01"), Reason.EXTENSIONS),
    "an extension of two octets": (told("203.0.113.7", b"\x01\0"), Reason.EXTENSIONS),
    "an extension beyond the end": (told("203.0.113.7", ALPN[:-1]), Reason.EXTENSIONS),
    "a short checksum": (told("203.0.113.7", extension(0x03, b"abc")), Reason.EXTENSIONS),
    "a checksum beyond the end": (told("203.0.113.7", extension(0x03, bytes(4))[:-2]), Reason.EXTENSIONS),
    "two checksums": (summed("203.0.113.7", after=extension(0x03, bytes(4))), Reason.EXTENSIONS),
    "a wrong checksum": (faulty_sum(), Reason.CHECKSUM),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_header_tells_the_callers_address_and_where_it_ends(case: str) -> None:
    octets, source = GOOD[case]
    assert read_proxy_header(octets + b"\x16\x03\x01") == ProxyHeader(source, len(octets))


@pytest.mark.parametrize("case", GOOD)
def test_any_cut_of_a_good_header_asks_for_more(case: str) -> None:
    octets = GOOD[case][0]
    assert [read_proxy_header(octets[:end]) for end in range(len(octets))] == [None] * len(octets)


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_header_is_refused_with_its_reason(case: str) -> None:
    octets, reason = BAD[case]
    with pytest.raises(ProxyHeaderFault) as raised:
        read_proxy_header(octets)
    assert raised.value.reason is reason


def test_the_checksum_is_that_of_the_standard() -> None:
    """RFC 3720 appendix B.4, and the check value of every table of CRCs."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283


@given(st.sampled_from(sorted(GOOD)), st.lists(st.integers(0, 1100), max_size=8))
def test_a_header_in_any_pieces_means_the_same(case: str, cuts: list[int]) -> None:
    octets, source = GOOD[case]
    whole = octets + b"rest"
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    come, read = b"", []
    for begin, end in pairwise(places):
        come += whole[begin:end]
        if (header := read_proxy_header(come)) is not None:
            read.append(header)
    assert set(read) == {ProxyHeader(source, len(octets))}


@given(
    st.one_of(
        st.binary(max_size=64),
        st.builds(
            lambda command, family, size, rest: SIGNATURE + bytes([command, family]) + size.to_bytes(2) + rest,
            st.sampled_from([PROXY, LOCAL, 0x00, 0xFF]),
            st.sampled_from([TCP4, TCP6, 0x00, 0x12]),
            st.integers(0, 80),
            st.binary(max_size=100),
        ),
    )
)
@example(b"")
def test_whatever_comes_is_a_header_or_the_start_of_one_or_its_own_fault(octets: bytes) -> None:
    with contextlib.suppress(ProxyHeaderFault):
        header = read_proxy_header(octets)
        assert header is None or 16 <= header.octets <= len(octets)
