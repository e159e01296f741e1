"""`relay doctor`: walk the road of a call, stop where it breaks, and say what to do next."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

import click
from rich.console import Console
from rich.text import Text

from relay.cli.settings import config, relay_settings
from relay.doctor.finding import Finding, State
from relay.doctor.report import report
from relay.doctor.walk import unreadable, walk
from relay.errors import SettingsFault
from relay.people.letter import Letter
from relay.settings.relay import RelaySettings

MARKS = {
    State.GOOD: ("✔", "green"),
    State.NOTE: ("·", "dim"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✘", "red"),
}


def _witness(_context: click.Context, _parameter: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    if not all(url.startswith("https://") for url in urls):
        raise click.BadParameter("has to begin with https://")
    return urls


@click.command()
@config
@click.option("--witness", multiple=True, callback=_witness, help="A URL that answers with the address that it sees.")
@click.option("--no-call", is_flag=True, help="Connect, but make no call.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@click.option("--report", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page for security.")
def doctor(config: Path, witness: tuple[str, ...], page: Path | None, *, no_call: bool, as_json: bool) -> None:
    """Walk the road as a call does: settings, certificates, clock, names, addresses, TLS, and a call that does no harm.

    It stops where the road breaks, says what to do next, and has the message ready if somebody else has to do it. In
    production no test person is ever asked about. Ends with 0 when nothing is broken, with 1 otherwise.
    """
    findings: list[Finding] = []
    console = Console(highlight=False, soft_wrap=True)

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _print(console, finding)

    settings = _examine(config, tell, witness, calls=not no_call)
    broken = any(finding.state is State.FAILED for finding in findings)
    if as_json:
        click.echo(_as_json(findings, good=not broken))
    else:
        _conclude(console, findings, broken=broken)
    if page is not None:
        _write(page, settings, findings)
    sys.exit(1 if broken else 0)


def _examine(
    config: Path, tell: Callable[[Finding], None], witnesses: Sequence[str], *, calls: bool
) -> RelaySettings | None:
    try:
        settings = relay_settings(config)
    except SettingsFault as fault:
        for finding in unreadable(fault, _now()):
            tell(finding)
        return None
    asyncio.run(walk(settings, tell, witnesses=witnesses, now=_now, calls=calls))
    return settings


def _now() -> datetime:
    return datetime.now(UTC)


def _print(console: Console, finding: Finding) -> None:
    mark, style = MARKS[finding.state]
    where = " to ".join(part for part in (finding.way, finding.place) if part)
    line = Text.assemble((mark, style), f" {finding.step}", (f" [{where}]" if where else "", "dim"), ": ", finding.what)
    console.print(_plain(line))
    if finding.next:
        console.print(_plain(Text(f"  → {finding.next}", style="bold" if _failed(finding) else "")))


def _conclude(console: Console, findings: Sequence[Finding], *, broken: bool) -> None:
    letters = list(dict.fromkeys(letter for each in findings for letter in each.letters))
    for letter in letters:
        _print_letter(console, letter)
    if broken:
        first = next(each for each in findings if _failed(each))
        console.print(_plain(Text(f"\nBroken at: {first.step}. {first.next}", style="bold red")))
    else:
        console.print(Text("\nNothing on the road is broken.", style="bold green"))


def _print_letter(console: Console, letter: Letter) -> None:
    to = f"{letter.name} <{', '.join(letter.mails)}>" if letter.mails else letter.name
    when = f", only if {letter.only_if}" if letter.only_if else ""
    console.print(_plain(Text(f"\nReady to send to {to}{when}:", style="bold")))
    console.print(_plain(Text(indent(f"Onderwerp: {letter.subject}\n\n{letter.text}", "    "))), end="")


def _failed(finding: Finding) -> bool:
    return finding.state is State.FAILED


def _plain(text: Text) -> Text:
    """Return the text without a control character that could steer the terminal: some of it is a stranger's."""
    text.plain = "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text.plain)
    return text


def _as_json(findings: Sequence[Finding], *, good: bool) -> str:
    told = {"good": good, "findings": [dataclasses.asdict(finding) for finding in findings]}
    return json.dumps(told, default=datetime.isoformat, indent=2, ensure_ascii=False)


def _write(page: Path, settings: RelaySettings | None, findings: Sequence[Finding]) -> None:
    if settings is None:
        raise click.ClickException("the settings cannot be read, so there is nothing to report on")
    try:
        page.write_text(report(settings, findings, _now()), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{page} cannot be written: {error.strerror}") from error
