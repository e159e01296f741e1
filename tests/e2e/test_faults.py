"""Faults planted in a real network of our own: the doctor names each, with what to do about it, and is quick."""

import shutil

import pytest

from tests.e2e.hosts import played
from tests.kit.may_skip import needed
from tests.kit.walked import Told, Walked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

FAULTS = {
    "another address behind NAT": Told(
        step="what the world sees",
        what="145.131.7.201:8444 sees 145.131.7.12, and 145.131.7.10 is configured",
        then="which address the NAT gateway uses. If the new address is to stay, have contact person Anna Voorbeeld",
        readers=["contact_person"],
        letter="IP-adres 145.131.7.12",
        when="the new address 145.131.7.12 is to stay",
    ),
    "a firewall that drops": Told(
        step="TCP",
        what="from 10.9.0.4: nothing came back within 2 seconds",
        then="have whoever keeps it let 10.9.0.4 out to 145.131.7.200 on port 8444",
        readers=["support"],
        letter="vanaf het IP-adres 145.131.7.10 geen verbinding met 145.131.7.200",
        when="other places can be reached",
    ),
    "a firewall that forbids": Told(
        step="TCP",
        what="a router or firewall on the way says that it is not to be reached",
        then="traceroute -T -p 8444 145.131.7.200",
        readers=["support"],
    ),
    "large packets lost": Told(
        step="TLS",
        what="the connection stands, but the TLS handshake is not done within 2 seconds",
        then="ping -I 10.9.0.4 -M do -s 1472 145.131.7.200",
        readers=["support"],
    ),
    "no route": Told(
        step="TCP", what="this machine knows no way there", then="`ip route get 145.131.7.200 from 10.9.0.4`"
    ),
    "name servers that are silent": Told(
        step="name resolution",
        what="api.zorg.example has no IPv4 address that can be found: no answer within 2 seconds",
        then="/etc/resolv.conf",
    ),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walked]:
    needed("nft", found=shutil.which("nft") is not None, remedy="install nftables")
    seen = played("faults", str(tmp_path_factory.mktemp("faults")))
    return {name: Walked(**told) for name, told in seen.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_network_is_named_with_its_remedy(seen: dict[str, Walked], name: str) -> None:
    FAULTS[name].of(seen[name])
    assert seen[name].seconds < 12  # silent name servers hold the C library up for 20


def test_on_a_road_that_is_whole_every_step_is_good(seen: dict[str, Walked]) -> None:
    walked = seen["none"]
    assert (walked.exit, walked.errors, walked.at("failed")) == (0, "", [])
    told = {each["step"]: each["what"] for each in walked.at("good")}
    assert len(told) == 12
    assert told["what the world sees"] == "145.131.7.201:8444 sees 145.131.7.10, as configured"
    assert {each["step"] for each in walked.at("warning", "note")} == {"server certificate", "mail"}
