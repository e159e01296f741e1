"""The whole walk: settings, the callers' side, then each way out, and who is told when it breaks."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from relay.compose.relay import build
from relay.compose.relay.build import build_witnesses
from relay.compose.relay.carriage import patience_of, readings
from relay.compose.relay.registered import build_entries
from relay.doctor.arrival import arrival
from relay.doctor.departure import Departure
from relay.doctor.finding import Finding, State, Step
from relay.doctor.itinerary import Way, built_ways, ways_of
from relay.doctor.known import known
from relay.doctor.post import post
from relay.doctor.sharing import sharing
from relay.doctor.teller import Teller
from relay.errors import SettingsFault
from relay.settings.relay import RelaySettings
from relay.upstream.witness import UrlWitness
from relay.x509.context import client_context

# Seconds: a person waits, and what is asked is answered at once or not at all.
_LONGEST_WAIT: Final = 15.0
# Faults under these keys are told at the steps that they belong to.
_OF_LISTEN = ("certificate", "key", "names")
_OF_TENANTS = ("certificate", "egress", "trust")


async def walk(
    settings: RelaySettings,
    tell: Callable[[Finding], None],
    *,
    witnesses: Sequence[str],
    now: Callable[[], datetime],
    calls: bool = True,
) -> None:
    """Tell what is found, in order. Where a road breaks it ends, and the next one is walked.

    `witnesses` are URLs that answer with the address they see, besides those of the settings; without `calls` only
    connections are made.
    """
    broken = False
    for finding in _settings(settings, now()):
        tell(finding)
        broken = broken or finding.state is State.FAILED
    if broken:
        return
    async for finding in arrival(settings, now()):
        tell(finding)
    ways = built_ways(settings, now())
    entries = build_entries(settings, ways)
    patience = patience_of(settings)
    patience = replace(patience, first_byte=min(patience.first_byte, _LONGEST_WAIT))
    timed, learned = False, await asyncio.to_thread(known, settings, now())
    for way in ways_of(settings, ways):
        departure = Departure(
            teller=Teller(way=way, now=now, tell=tell, known=learned),
            patience=patience,
            witnesses=_witnesses(settings, witnesses, way),
            entry=entries.get(way.name),
            readings=readings(settings),
            calls=calls,
            timed=timed,
        )
        await departure.walk()
        timed = departure.timed
    async for finding in sharing(settings, now):
        tell(finding)
    tell(await post(settings, now))


def _witnesses(settings: RelaySettings, urls: Sequence[str], way: Way) -> list[UrlWitness]:
    """Return those of the settings and, if they do not name them, these; none where the way breaks before them.

    One at the gate itself is trusted as the gate is, any other as the web is.
    """
    if way.passport is None:
        return []
    configured, gates = build_witnesses(settings), {host for host, _ in way.places}
    known_urls = {witness.url for witness in configured}
    asked = [url for url in urls if url not in known_urls]
    trusts = [way.trust if urlsplit(url).hostname in gates else None for url in asked]
    named = [
        UrlWitness(url=url, gate=False, context=client_context(None, trust=trust))
        for url, trust in zip(asked, trusts, strict=True)
    ]
    return [*configured, *named]


def unreadable(fault: SettingsFault, at: datetime) -> Iterator[Finding]:
    """Yield what is wrong with settings, each with what to do."""
    for key, what in fault.faults:
        yield _finding(State.FAILED, at, f"{key}: {what}", "Mend that; docs/settings.md says what each key takes.")


def _settings(settings: RelaySettings, at: datetime) -> Iterator[Finding]:
    try:
        build(settings, at)
    except SettingsFault as fault:
        faults = [each for each in fault.faults if not _told_elsewhere(each[0])]
        yield from unreadable(SettingsFault(faults), at)
        if faults:
            return
    yield _finding(State.GOOD, at, "They are read, and agree with one another")
    if not settings.clients:
        what = "There are no clients: every call is refused."
        yield _finding(State.WARNING, at, what, "`relay client new NAME` makes one.")
    for name, tenant in settings.tenants.items():
        if not tenant.card.contacts:
            then = f"Give tenants.{name}.card.contacts, so that messages have an address."
            yield _finding(State.NOTE, at, f"The card of {name} names no contact person.", then)


def _finding(state: State, at: datetime, what: str, then: str = "") -> Finding:
    return Finding(step=Step.SETTINGS, state=state, what=what, at=at, next=then)


def _told_elsewhere(key: str) -> bool:
    match key.split("."):
        case ["tenants", _, branch, *_]:
            return branch.startswith(_OF_TENANTS)
        case ["listen", branch]:
            return branch in _OF_LISTEN
        case _:
            return False
