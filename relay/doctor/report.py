"""One page for a security officer: which way calls leave, how they are protected, who may call, and what was proved."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from relay.compose.relay.build import build_listener
from relay.doctor.finding import Finding, State, Step
from relay.doctor.itinerary import Way, built_ways, ways_of
from relay.errors import SettingsFault
from relay.settings.client import Client
from relay.settings.relay import RelaySettings
from relay.x509.context import GROUPS, SUITES

# Some of what stands in a cell a server said: it begins no other cell, no HTML, no link and no picture.
_AS_TEXT: Final = str.maketrans({"|": "\\|", "\n": " ", "<": "&lt;", "[": "\\["})


def report(settings: RelaySettings, findings: Sequence[Finding], at: datetime) -> str:
    """Return the page, in Markdown. It holds no key, digest, password or fingerprint."""
    ways = list(ways_of(settings, built_ways(settings, at)))
    parts = [
        "# Relay: how calls reach VECOZO",
        f"Made by `relay doctor` on {_time(at)}. {_verdict(findings)}",
        "## Egress\n",
        *_egress(ways, findings),
        "## TLS\n",
        *_tls(settings, findings),
        "## Certificates\n",
        *_certificates(settings, ways, at),
        "## Who may call\n",
        *_clients(settings),
        "## What was found, and when\n",
        *_found(findings),
    ]
    text = "\n".join(f"\n{part}" if part.startswith("#") else part for part in parts)
    return text.strip() + "\n"


def _verdict(findings: Sequence[Finding]) -> str:
    failed = sum(finding.state is State.FAILED for finding in findings)
    return "Every step went well, or is told below." if not failed else f"**{failed} of the steps failed**: see below."


def _egress(ways: Iterable[Way], findings: Sequence[Finding]) -> Iterator[str]:
    yield from _table("way out", "environment", "calls leave from", "VECOZO is to see", "proof")
    for way in ways:
        told = [each.what for each in findings if each.step is Step.SEEN and each.way == way.name]
        for egress in way.egresses:
            proof = "; ".join(told) or "not looked at"
            yield _row(way.name, way.environment.value, str(egress.source), str(egress), proof)


def _tls(settings: RelaySettings, findings: Sequence[Finding]) -> Iterator[str]:
    asks = "asks for a certificate" if settings.asks_for_certificates else "asks for no certificate"
    yield f"- On both sides TLS 1.3, or 1.2 with {', '.join(SUITES)}; groups {', '.join(GROUPS)}. Nothing older."
    yield f"- Towards callers the relay {asks}; a key or a certificate proves who calls, and nobody is anonymous."
    yield "- Towards VECOZO it shows the system certificate, and checks who answers."
    for each in findings:
        if each.step is Step.TLS:
            yield f"- {each.way} to {each.place}: {each.what}"


def _certificates(settings: RelaySettings, ways: Iterable[Way], at: datetime) -> Iterator[str]:
    yield from _table("certificate", "serial", "valid until", "days left")
    try:
        server = build_listener(settings)[0].certificate
        yield _expiry("server, for callers", server.serial, server.not_after, at)
    except SettingsFault:
        yield _row("server, for callers", "cannot be read", "", "")
    for way in ways:
        if way.passport is None:
            yield _row(f"system, {way.name}", "cannot be used", "", "")
        else:
            yield _expiry(f"system, {way.name} ({way.environment})", way.passport.serial, way.passport.not_after, at)


def _expiry(name: str, serial: str, until: datetime, at: datetime) -> str:
    return _row(name, serial, f"{until:%d %B %Y}", str((until - at).days))


def _clients(settings: RelaySettings) -> Iterator[str]:
    yield from _table("client", "on behalf of", "proves itself by")
    for name, client in settings.clients.items():
        yield _row(name, ", ".join(client.tenants), "; ".join(_ways(client)))
    if not settings.clients:
        yield _row("none", "", "every call is refused")


def _ways(client: Client) -> Iterator[str]:
    if client.api_keys:
        yield f"API key ({len(client.api_keys)})"
    pinned = sum(each.fingerprint is not None for each in client.certificates)
    if pinned:
        yield f"pinned client certificate ({pinned})"
    yield from (f"client certificate of {each.subject}" for each in client.certificates if each.subject)


def _found(findings: Iterable[Finding]) -> Iterator[str]:
    yield from _table("when", "where", "step", "result", "")
    for each in findings:
        here = "callers" if each.step is Step.SERVER_CERTIFICATE else "relay"
        where = " to ".join(part for part in (each.way or here, each.place) if part)
        yield _row(_time(each.at), where, each.step.value, each.state.value, f"{each.what} {each.next}".strip())


def _table(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|" + "---|" * len(names)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.translate(_AS_TEXT) for cell in cells) + " |"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
