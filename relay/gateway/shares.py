"""Limits that hold for several relays together: what a minute and a day have is counted where all of them count.

No call asks there. A relay takes a share of a client's minute, an eighth of it, and asks again when that is used up;
what the others carried of a day it hears every few seconds. Decision 0030 says why, and what it costs.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from relay.gateway.meter import Allowance, MeterRoom

_PARTS: Final = 8
_MINUTE: Final = 60
# Seconds. The day's octets are told so often; a count that is away is tried again so soon, and later each time.
_EVERY: Final = 5.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0
# A day's count is kept until no relay's clock can be in that day any more.
_DAY_KEPT: Final = 26 * 3600

Told = Callable[[bool], object]


class Shares(Protocol):
    """Where a share is asked for."""

    def ask(self, client: str, told: Told) -> None:
        """Ask for a share of a client's minute, or (empty) of all's; `told` hears once, possibly before this returns.

        True: look again, there is one now, or none until the minute is over. False: nobody deals, go by what is counted
        here.
        """
        ...


class CommonCount(Protocol):
    """Where all relays count."""

    async def add(self, name: str, amount: int, seconds: int) -> int:
        """Add to what is counted by a name, and return the sum; the first to add has it forgotten after `seconds`.

        Raises CommonCountAway.
        """
        ...

    async def ends(self, name: str) -> float:
        """Return when what is counted by a name is forgotten (seconds of the epoch). Raises CommonCountAway."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class CommonCountAway(Exception):
    """It did not answer, or not in time, or not as it should. The text says which."""


class _NobodyDeals:
    """Each relay by itself."""

    def ask(self, client: str, told: Told) -> None:
        """Say so."""
        told(False)  # noqa: FBT003  # as a callback it has no keywords


NOBODY_DEALS: Final[Shares] = _NobodyDeals()


class Dealer:
    """Deals shares to the processes of one relay, in the one of them that asks where all relays count."""

    def __init__(
        self,
        room: MeterRoom,
        count: CommonCount,
        *,
        allowances: Callable[[], Mapping[str, Allowance]],
        total: Allowance | None,
        changed: Callable[[str | None], None],
    ) -> None:
        """`allowances` tells those in force of clients; `changed` hears that the count is there (None), or why not."""
        self._room: Final = room
        self._count: Final = count
        self._allowances: Final = allowances
        self._total: Final = total
        self._changed: Final = changed
        self._asked: dict[str, list[Told]] = {}
        self._dealing: set[asyncio.Task[None]] = set()
        # By client, when its minute is over; and which day's octets were told last, how many, and what all had then.
        self._ends: dict[str, tuple[int, float]] = {}
        self._carried: dict[str, tuple[int, int]] = {}
        self._went_away = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Dealer {'deals' if self.deals else 'is alone'}, {len(self._asked)} shares asked>"

    @property
    def deals(self) -> bool:
        """Whether the count is there, as far as known."""
        return bool(self._room.dealt[0])

    def ask(self, client: str, told: Told) -> None:
        """Have a share dealt, unless there is one by now: one question for all who ask meanwhile. See `Shares`."""
        allowance = self._allowances().get(client) if client else self._total
        if not self.deals or allowance is None or not allowance.calls_per_minute:
            told(False)  # noqa: FBT003  # as a callback it has no keywords
        elif self._room.holds(number := self._number(client), time.time()):
            told(True)  # noqa: FBT003
        elif client in self._asked:
            self._asked[client].append(told)
        else:
            self._asked[client] = [told]
            task = asyncio.get_running_loop().create_task(self._deal(client, number, allowance.calls_per_minute))
            self._dealing.add(task)
            task.add_done_callback(self._dealing.discard)

    async def begin(self) -> None:
        """Find out whether the count is there."""
        try:
            await self._count.add("looked", 1, _MINUTE)
        except CommonCountAway as fault:
            self._away(fault)
        else:
            self._there()

    async def keep(self) -> None:
        """Tell what was carried and hear what others did, again and again; and try for a count that is away."""
        pause = _FIRST_PAUSE
        while True:
            if self.deals:
                pause = _FIRST_PAUSE
                self._went_away.clear()
                try:
                    async with asyncio.timeout(_EVERY):
                        await self._went_away.wait()
                except TimeoutError:
                    await self._tell_octets()
                    await self.begin()
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                await self.begin()

    async def close(self) -> None:
        """Tell the last of what was carried, and deal no more."""
        for task in self._dealing:
            task.cancel()
        if self.deals:
            await self._tell_octets()
        await self._count.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _there(self) -> None:
        if not self.deals:
            self._ends.clear()
            self._room.dealt[0] = 1
        self._changed(None)

    def _away(self, fault: CommonCountAway) -> None:
        self._room.dealt[0] = 0
        self._went_away.set()
        self._changed(str(fault))

    def _number(self, client: str) -> int:
        return self._room.slot(client) if client else 0

    async def _deal(self, client: str, number: int, limit: int) -> None:
        dealt = False
        try:
            calls, until = await self._share(client, limit)
            self._room.deal(number, calls, until)
            dealt = True
        except CommonCountAway as fault:
            self._away(fault)
        finally:  # whatever it was, nobody is left waiting
            for told in self._asked.pop(client):
                told(dealt)

    async def _share(self, client: str, limit: int) -> tuple[int, float]:
        """Return how many calls this relay may carry now of those that a minute has, and until when."""
        name, size = f"calls:{client}", -(-limit // _PARTS)
        after = await self._count.add(name, size, _MINUTE)
        before = after - size
        known, until = self._ends.get(client, (0, 0.0))
        if before < known or time.time() >= until:  # another minute than the one that was known
            # A moment less than is said, which is in whole seconds: what is asked too early is asked once more. But not
            # at once, or a minute's last moment would be full of questions.
            until = max(await self._count.ends(name) - 0.5, time.time() + 0.25)
        self._ends[client] = after, until
        return max(0, min(size, limit - before)), until

    async def _tell_octets(self) -> None:
        try:
            for client, allowance in (*self._allowances().items(), ("", self._total)):
                if allowance is not None and allowance.bytes_per_day:
                    await self._tell(client, self._number(client))
        except CommonCountAway as fault:
            self._away(fault)

    async def _tell(self, client: str, number: int) -> None:
        day, octets = self._room.octets(number)
        told = self._carried.get(client, (day, 0))
        before = told[1] if told[0] == day else 0
        if octets == before and told[0] == day:
            return
        sum_of_all = await self._count.add(f"octets:{client}:{day}", octets - before, _DAY_KEPT)
        self._carried[client] = day, octets
        self._room.elsewhere(number, day, sum_of_all - octets)
