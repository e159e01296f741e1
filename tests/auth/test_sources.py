"""Ranges that a client calls from: its own, and those of Azure's service tags."""

from ipaddress import IPv4Address, IPv4Network
from random import Random

import orjson
import pytest

from relay.auth.sources import Ranges, ServiceTagsFault, service_tags


def ranges(*texts: str) -> Ranges:
    return Ranges(map(IPv4Network, texts))


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("20.49.255.255", False),
        ("20.50.0.0", True),
        ("20.50.255.255", True),
        ("20.51.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.6", False),
        ("192.0.2.8", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("::ffff:20.50.0.1", False),
        ("2001:db8::1", False),
        ("20.50.1", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_range_or_not(address: str, there: bool) -> None:
    assert (address in ranges("192.0.2.7/32", "20.50.0.0/17", "20.50.0.0/16")) is there


def test_no_range_has_anybody_in_it() -> None:
    assert "20.50.0.1" not in Ranges(())


def test_many_ranges_agree_with_a_look_at_each() -> None:
    random = Random(5)
    networks = [IPv4Network((random.getrandbits(32), random.randint(6, 32)), strict=False) for _ in range(300)]
    looked_up = Ranges(networks)
    for _ in range(2_000):
        near = random.choice(networks)
        address = IPv4Address((int(near.network_address) + random.randint(-3, near.num_addresses + 3)) % 2**32)
        assert (str(address) in looked_up) is any(address in network for network in networks)


def file_of(**tags: object) -> bytes:
    values = [{"name": name, "id": name, "properties": {"addressPrefixes": found}} for name, found in tags.items()]
    return orjson.dumps({"changeNumber": 7, "cloud": "Public", "values": values})


def test_a_tag_has_its_ranges_of_version_4() -> None:
    octets = file_of(Here=["20.50.0.0/16", "2603:1020::/48", "20.60.0.1/32"], There=["20.70.0.0/16"])
    assert service_tags(octets, {"Here"}) == {"Here": ("20.50.0.0/16", "20.60.0.1/32")}


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "Microsoft"),
        (b"{", "Microsoft"),
        (b"[]", "Microsoft"),
        (b'{"values": 7}', "Microsoft"),
        (b'{"values": [{"name": "Here"}]}', "Microsoft"),
        (file_of(There=["20.50.0.0/16"]), "no tag Here"),
        (file_of(Here="20.50.0.0/16"), "no list"),
        (file_of(Here=[7]), "no list"),
        (file_of(Here=["20.50.0.1/16"]), "none"),
        (file_of(Here=["20.50.0.0/33"]), "none"),
        (file_of(Here=["everywhere"]), "none"),
        (file_of(Here=[]), "no IPv4"),
        (file_of(Here=["2603:1020::/48"]), "no IPv4"),
        (file_of(Here=["0.0.0.0/0"]), "no IPv4"),
    ],
)
def test_a_bad_file_says_what_is_wrong(octets: bytes, told: str) -> None:
    with pytest.raises(ServiceTagsFault, match=told):
        service_tags(octets, {"Here"})
