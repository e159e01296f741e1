"""`relay certificate`: explain a certificate file to whoever exported it."""

import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from relay.cli.rotation import cutover, rollback
from relay.settings.secret import SecretFault, read_secret
from relay.x509.explain import Explanation, Finding, Severity, explain
from relay.x509.identity import Identity, Kind
from relay.x509.mistake import Mistake

MARKS = {
    Severity.GOOD: ("✔", "green"),
    Severity.NOTE: ("·", "dim"),
    Severity.WARNING: ("!", "yellow"),
    Severity.FAULT: ("✘", "red"),
}
KINDS = {
    Kind.SYSTEM: "system certificate (no person's name in it)",
    Kind.PERSONAL: "personal certificate (a name in it)",
}
File = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def certificate() -> None:
    """Look at certificate files, and say which of two the relay is to show."""


certificate.add_command(rollback)
certificate.add_command(cutover)


@certificate.command(short_help="Explain FILE (.pfx or .p12).")
@click.argument("file", type=File)
@click.option("--password-file", type=File, help="A file that holds the password chosen at the export.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(file: Path, password_file: Path | None, *, as_json: bool) -> None:
    """Explain FILE (.pfx or .p12): what it is, whose, until when, and whether relay can use it.

    Ends with 0 when it can be used and with 1 when it cannot.
    """
    now = datetime.now(UTC)
    explanation = explain(_read(file), _password(password_file), at=now, file_name=file.name)
    if as_json:
        click.echo(_as_json(explanation))
    else:
        _tell(explanation, now)
    sys.exit(0 if explanation.usable else 1)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error


def _password(file: Path | None) -> str | None:
    try:
        return None if file is None else read_secret(file)
    except SecretFault as fault:
        raise click.ClickException(fault.detail) from fault


def _as_json(explanation: Explanation) -> str:
    fields = dataclasses.asdict(explanation) | {"usable": explanation.usable}
    return json.dumps(fields, default=datetime.isoformat, indent=2)


def _tell(explanation: Explanation, now: datetime) -> None:
    console = Console(highlight=False)
    console.print(_plain(explanation.file_name, "bold"))
    if explanation.identity:
        facts = _facts(explanation.identity, _chain(explanation), now)
        console.print(Padding(facts, (0, 0, 1, 2)))
    for finding in explanation.findings:
        console.print(Padding(_told(finding), (0, 0, 0, 2)))
    verdict = "It can be used." if explanation.usable else "It cannot be used."
    console.print(Text(f"\n{verdict}", style="bold green" if explanation.usable else "bold red"))


def _chain(explanation: Explanation) -> str | None:
    """Return the certificates above it; None where the file was not read so far, or there are none to be."""
    if any(finding.mistake is Mistake.CHAIN_LEFT_OUT for finding in explanation.findings):
        return "not in the file"
    return "\n".join(explanation.chain) or None


def _facts(identity: Identity, chain: str | None, now: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")  # names without a space in them are long, and none may be cut off
    left = f"{(identity.not_after - now).days} days left" if now <= identity.not_after else "expired"
    rows = {
        "Kind": KINDS[identity.kind],
        "Organisation": identity.organisation or "not named",
        "User number": identity.user_number or "none found",
        "Valid": f"{identity.not_before:%Y-%m-%d} to {identity.not_after:%Y-%m-%d} ({left})",
        "Subject": identity.subject,
        "Issued by": identity.issuer,
        "Chain": chain,
        "Serial": identity.serial,
        "SHA-256": identity.fingerprint,
    }
    for label, value in rows.items():
        if value is not None:
            table.add_row(Text(label, style="dim"), _plain(value))
    return table


def _told(finding: Finding) -> Table:
    mark, style = MARKS[finding.severity]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(mark, style=style), _plain(finding.what))
    if finding.remedy:
        table.add_row("", _plain(finding.remedy, "italic"))
    return table


def _plain(text: str, style: str = "") -> Text:
    """Return a stranger's text as it stands: no markup, and no control character that could steer the terminal."""
    return Text("".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text), style=style)
