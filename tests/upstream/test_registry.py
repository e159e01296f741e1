"""The registry's API as the relay asks it: the real one, under a contact person's certificate and never another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from relay.authority.issued import Issued
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.egress import Egress
from relay.upstream.keeper import File
from relay.upstream.registry import Registry, RegistrySilent, is_in
from relay.wire.server import serving
from relay.x509.context import server_context_from
from tests.kit import authority as kit
from tests.kit.authority import PERSONAL_NUMBER, USER_NUMBER
from tests.kit.registry import SYSTEM_ELDERS
from tests.kit.registry_api import Rehearsed, person_file, rehearsed

EGRESS = Egress(IPv4Address("127.0.0.9"), IPv4Address("127.0.0.9"))
ADDRESS = IPv4Address("127.0.0.9")


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Rehearsed]:
    async with rehearsed(tmp_path) as real:
        yield real


def _asked(folder: Path, url: str, file: str = "person.p12", *, seconds: float = 5) -> Registry:
    person = KeptCertificate(
        keeper=File(folder / file),
        password_file=None,
        password="geheim",
        trust=folder / "trust.pem",
        key="persons.linde",
    )
    return Registry(url=url, person=person, seconds=seconds)


async def test_it_says_whether_a_range_has_the_address(tmp_path: Path, real: Rehearsed) -> None:
    registry = _asked(tmp_path, real.url)
    assert not await registry.has(ADDRESS, USER_NUMBER, EGRESS)
    for written in ("127.0.0.9", "127.0.0.8/30", "127.0.0.1-127.0.0.20"):
        real.register(written)
        assert await registry.has(ADDRESS, USER_NUMBER, EGRESS)
        real.remove(written)
        assert not await registry.has(ADDRESS, USER_NUMBER, EGRESS)
    real.register("127.0.0.10-127.0.0.20")
    assert not await registry.has(ADDRESS, USER_NUMBER, EGRESS)


async def test_it_is_asked_from_the_egress_under_the_persons_certificate_alone(tmp_path: Path, real: Rehearsed) -> None:
    await _asked(tmp_path, real.url).has(ADDRESS, USER_NUMBER, EGRESS)
    assert real.asked == [("127.0.0.9", PERSONAL_NUMBER)]


@pytest.mark.parametrize(
    ("issued", "why"),
    [(kit.system, "is no person's"), (kit.expired, "is no person's")],
    ids=["system certificate", "expired system certificate"],
)
async def test_a_system_certificate_is_never_shown_to_it(
    tmp_path: Path, real: Rehearsed, issued: Callable[[], Issued], why: str
) -> None:
    (tmp_path / "system.p12").write_bytes(issued().p12("geheim"))
    registry = _asked(tmp_path, real.url, "system.p12")
    with pytest.raises(CertificateFault, match=why) as caught:
        registry.open()
    assert caught.value.key == "persons.linde.file"
    with pytest.raises(RegistrySilent, match=why):
        await registry.has(ADDRESS, USER_NUMBER, EGRESS)
    assert real.asked == []


async def test_what_it_does_not_know_or_lets_nobody_see_is_silence(tmp_path: Path, real: Rehearsed) -> None:
    with pytest.raises(RegistrySilent, match="knows no system certificate"):
        await _asked(tmp_path, real.url).has(ADDRESS, SYSTEM_ELDERS, EGRESS)
    stranger = kit.authority().issue_personal("10001000009999", "Bram", "Onbekend", "Elders", at=kit.AT)
    (tmp_path / "stranger.p12").write_bytes(stranger.p12("geheim"))
    with pytest.raises(RegistrySilent, match="lets nobody in"):
        await _asked(tmp_path, real.url, "stranger.p12").has(ADDRESS, USER_NUMBER, EGRESS)
    real.away = True
    with pytest.raises(RegistrySilent, match="answered 500"):
        await _asked(tmp_path, real.url).has(ADDRESS, USER_NUMBER, EGRESS)


async def test_a_renewed_personal_certificate_is_taken_at_the_next_enquiry(tmp_path: Path, real: Rehearsed) -> None:
    file = tmp_path / "renewed.p12"
    stranger = kit.authority().issue_personal("10001000009999", "Bram", "Onbekend", "Elders", at=kit.AT)
    file.write_bytes(stranger.p12("geheim"))
    registry = _asked(tmp_path, real.url, "renewed.p12")
    with pytest.raises(RegistrySilent):
        await registry.has(ADDRESS, USER_NUMBER, EGRESS)
    file.write_bytes(person_file())
    assert not await registry.has(ADDRESS, USER_NUMBER, EGRESS)


async def test_one_that_cannot_be_reached_is_silent(tmp_path: Path, real: Rehearsed) -> None:
    registry = _asked(tmp_path, "https://127.0.0.1:1")
    with pytest.raises(RegistrySilent, match="cannot be asked"):
        await registry.has(ADDRESS, USER_NUMBER, EGRESS)
    gone = Egress(IPv4Address("192.0.2.1"), ADDRESS)
    with pytest.raises(RegistrySilent, match=r"192\.0\.2\.1 is not an address of this machine"):
        await _asked(tmp_path, real.url).has(ADDRESS, USER_NUMBER, gone)
    assert real.asked == []


async def _slow(request: web.Request) -> web.Response:
    while request.transport is not None:  # until whoever asked has left
        await asyncio.sleep(0.01)
    return web.Response()


async def _leads_elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("https://127.0.0.1:1/")


async def _babbles(request: web.Request) -> web.Response:
    return web.Response(body=b"[" * 300_000)


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (_slow, "no answer within 0.3 seconds"),
        (_leads_elsewhere, "answered 302"),
        (_babbles, "answered with over 262144 octets"),
    ],
)
async def test_a_bad_one_is_silent_in_time_and_within_bounds(
    tmp_path: Path, real: Rehearsed, handler: Callable[[web.Request], Awaitable[web.Response]], why: str
) -> None:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    async with serving(app, "127.0.0.1", 0, key="listen", context=context) as bad:
        registry = _asked(tmp_path, f"https://127.0.0.1:{bad.port}", seconds=0.3)
        registry.open()
        with pytest.raises(RegistrySilent, match=why):
            await registry.has(ADDRESS, USER_NUMBER, EGRESS)


@pytest.mark.parametrize(
    "octets",
    [b"", b"<html>", b"[]", b"{}", b'{"addresses": 1}', b'{"addresses": [1]}', b'{"addresses": [{"first": "a"}]}',
     b'{"addresses": [{"first": "a", "last": "b"}]}', b'{"addresses": [{"first": null, "last": null}]}'],
)  # fmt: skip
def test_an_answer_that_is_no_list_of_addresses_is_silence(octets: bytes) -> None:
    with pytest.raises(RegistrySilent):
        is_in(ADDRESS, octets)


@pytest.mark.parametrize(("counts", "there"), [({}, True), ({"counts": True}, True), ({"counts": False}, False)])
def test_an_address_that_ended_is_registered_no_more(counts: dict[str, bool], there: bool) -> None:
    row = {"first": str(ADDRESS), "last": str(ADDRESS), **counts}
    assert is_in(ADDRESS, orjson.dumps({"addresses": [row]})) is there
