"""Several egresses behind one door: calls leave from the first that is not out, and from none that is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.errors import EgressOut, RelayError, SourceAddressMissing
from relay.upstream.egress import Egress
from relay.upstream.proof import Footing, State, Why
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import Ajar, ajar, passport, until, whole

FIRST, SECOND = (Egress(IPv4Address(f"127.0.0.{n}"), IPv4Address(f"192.0.2.{n}")) for n in (9, 10))
PROVEN, UNKNOWN = Footing(State.PROVEN), Footing(State.UNKNOWN)
MISSING = Footing(State.OUT, usable=False, why=Why.ADDRESS_MISSING, detail="gone")
DIFFERS = Footing(State.OUT, usable=False, why=Why.ADDRESS_DIFFERS, detail="seen elsewhere")
WARNED = Footing(State.OUT, usable=True, why=Why.ADDRESS_DIFFERS, detail="seen elsewhere")


@pytest.fixture
async def upstream() -> AsyncIterator[kit.Upstream]:
    async with kit.running() as upstream:
        yield upstream


@pytest.fixture
async def out(upstream: kit.Upstream, tmp_path: Path) -> AsyncIterator[Ajar]:
    async with ajar(tmp_path, upstream.port, FIRST, SECOND) as out:
        yield out


async def _from(out: Ajar, upstream: kit.Upstream) -> str:
    """Call, and return where that came from."""
    await out.fetch()
    peer: str = upstream.requests[-1].writer.get_extra_info("peername")[0]
    assert peer == str(out.door.egress.source)
    return peer


async def test_calls_leave_from_the_first_that_is_not_out_and_return_to_it(out: Ajar, upstream: kit.Upstream) -> None:
    assert await _from(out, upstream) == "127.0.0.9"
    out.door.stand([DIFFERS, UNKNOWN])
    assert await _from(out, upstream) == "127.0.0.10"
    out.door.stand([UNKNOWN, PROVEN])
    assert await _from(out, upstream) == "127.0.0.9"
    out.door.stand([WARNED, MISSING])
    assert await _from(out, upstream) == "127.0.0.9"


@pytest.mark.parametrize(
    ("footings", "kind"), [([MISSING, DIFFERS], SourceAddressMissing), ([DIFFERS, MISSING], EgressOut)]
)
async def test_with_none_left_nothing_is_sent_and_each_is_told(
    out: Ajar, upstream: kit.Upstream, footings: list[Footing], kind: type[RelayError]
) -> None:
    await out.fetch()
    out.door.stand(footings)
    for _ in range(2):
        with pytest.raises(kind, match="; ".join(each.detail for each in footings)):
            await out.call()
    assert (len(upstream.requests), upstream.connections) == (1, 1)
    await until(lambda: upstream.open == 0)
    out.door.stand([UNKNOWN, MISSING])
    assert await _from(out, upstream) == "127.0.0.9"


async def test_a_kept_connection_from_one_that_goes_out_is_never_used_again(out: Ajar, upstream: kit.Upstream) -> None:
    """It was made while the address was another's to the world, or will be."""
    await out.fetch()
    out.door.stand([DIFFERS, UNKNOWN])
    await until(lambda: upstream.open == 0)
    out.door.stand([PROVEN, UNKNOWN])
    await out.fetch()
    assert out.counts == {"opened": 2}


async def test_a_call_that_waits_for_its_connection_is_not_sent_from_one_that_went_out(
    out: Ajar, upstream: kit.Upstream
) -> None:
    call = asyncio.create_task(out.call("POST", b"x"))
    await asyncio.sleep(0)  # it is dialling now
    out.door.stand([DIFFERS, UNKNOWN])
    with pytest.raises(EgressOut, match="seen elsewhere"):
        await call
    assert upstream.requests == []
    await until(lambda: upstream.open == 0)


class _Slowly:
    """Answers at once, but for the end of the body: that comes when the test lets it."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, exchange: kit.Exchange) -> None:
        await exchange.answer(kit.OK[:-2])
        await self.go_on.wait()
        await exchange.answer(kit.OK[-2:])


async def test_a_call_in_progress_ends_where_it_began(out: Ajar, upstream: kit.Upstream) -> None:
    upstream.script = slowly = _Slowly()
    answered = await out.call()
    out.door.stand([DIFFERS, UNKNOWN])
    slowly.go_on.set()
    assert await whole(answered) == b"<a/>"
    await until(lambda: upstream.open == 0)


async def test_a_new_certificate_is_used_from_each(out: Ajar, upstream: kit.Upstream, tmp_path: Path) -> None:
    other = authority.authority().issue_system("20001000002222", "Ander", at=authority.AT)
    out.door.stand([DIFFERS, UNKNOWN])
    out.door.renew(passport(tmp_path, other))
    assert await _from(out, upstream) == "127.0.0.10"
    out.door.stand([UNKNOWN, UNKNOWN])
    assert await _from(out, upstream) == "127.0.0.9"
    assert {int(serial, 16) for serial in upstream.serials} == {other.certificate.serial_number}
    assert int(out.door.passport.serial, 16) == other.certificate.serial_number


async def test_closing_closes_the_connections_of_each(out: Ajar, upstream: kit.Upstream) -> None:
    await out.fetch()
    out.door.stand([WARNED, UNKNOWN])
    await out.fetch()
    assert upstream.open == 2
    out.door.close()
    with suppress(TimeoutError):
        await until(lambda: upstream.open == 0)
    assert upstream.open == 0


def test_its_repr_tells_where_it_leads(out: Ajar) -> None:
    assert "via 192.0.2.9" in repr(out.door)
    out.door.stand([MISSING, DIFFERS])
    assert repr(out.door) == "<Door closed: gone; seen elsewhere>"
