"""The tables of the docs, made from the code: `python -m tests.kit.tables` writes them, a test compares them."""

import json
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from relay.enforcer.answers import KINDS, WORDINGS
from relay.enforcer.faults import MEANS
from relay.errors import Sent
from relay.observe.metrics import METRICS
from relay.people.advice import Advice, advise
from relay.people.letter import Reader
from relay.people.matter import Facts, Matter
from relay.people.unasked import UNASKED, unasked
from relay.problems.table import PROBLEMS
from relay.registry.api.problems import ADDRESS
from relay.registry.domain.advice import ADVICE
from relay.settings.card import Card
from relay.settings.reference import ReferenceSettings, Routes
from relay.settings.relay import RelaySettings
from relay.settings.words import Environment, Family, Registration
from relay.tenant.vecozo import SERVICES

DOCS = Path(__file__).parents[2] / "docs"


_KEYS = {Family: ".FAMILY", Routes: ".ROUTES"}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every setting with its full key; `NAME` stands for the user's own names, `[]` marks a list."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner, step = _branch(field.annotation)
        if inner is None:
            yield key, field
        else:
            yield from leaves(inner, f"{key}{step}.")


def _branch(annotation: object) -> tuple[type[BaseModel] | None, str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _branch(arguments[0])
    if origin is tuple and arguments and (inner := _branch(arguments[0])[0]):
        return inner, "[]"
    if origin is dict and (inner := _branch(arguments[1])[0]):
        return inner, _KEYS.get(arguments[0], ".NAME")
    if origin in (typing.Union, types.UnionType):
        return next((found for found in map(_branch, arguments) if found[0]), (None, ""))
    return None, ""


def settings_rows(model: type[BaseModel]) -> list[str]:
    rows = ["| key | default | |", "|---|---|---|"]
    for key, field in leaves(model):
        default = "required" if field.is_required() else _shown(field.default)
        rows.append(f"| `{key}` | {default} | {field.description or ''} |")
    return rows


def _shown(value: object) -> str:
    match value:
        case None | () | "":
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
        case str() | IPv4Address():
            return f'`"{value}"`'
        case tuple():
            return f"`{json.dumps(value)}`"
        case _:
            return f"`{value}`"


def metrics_rows() -> list[str]:
    rows = ["| metric | kind | labels | |", "|---|---|---|---|"]
    return rows + [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |" for metric in METRICS
    ]


def error_rows() -> list[str]:
    rows = ["| status | code | sent | means | what to do |", "|---|---|---|---|---|"]
    for error, problem in sorted(PROBLEMS.items(), key=lambda row: (row[1].status, row[1].code)):
        sent = "false" if error.sent is Sent.NO else error.sent.value
        rows.append(f"| {problem.status} | `{problem.code}` | {sent} | {problem.title} | {problem.remedy} |")
    return rows


def route_rows() -> list[str]:
    rows = ["| route | path in production | family | repeatable | host and path |", "|---|---|---|---|---|"]
    for service in SERVICES:
        verified = "stated by VECOZO" if service.verified else "**unverified**: seen in client code only"
        repeatable = "yes" if service.repeatable else "no"
        rows.append(f"| `{service.name}` | `{service.path}` | {service.family} | {repeatable} | {verified} |")
    return rows


def refusal_rows() -> list[str]:
    rows = ["| reason | means | what to do |", "|---|---|---|"]
    return rows + [f"| `{refusal}` | {title} | {ADVICE[refusal]} |" for refusal, title in ADDRESS.items()]


def gate_rows() -> list[str]:
    rows = ["| reason | answered as |", "|---|---|"]
    return rows + [f"| `{refusal}` | {kind} |" for refusal, kind in KINDS.items()]


def fault_rows() -> list[str]:
    return ["| `kind` | what happens |", "|---|---|"] + [f"| `{kind}` | {means} |" for kind, means in MEANS.items()]


def wording_rows() -> list[str]:
    rows = ["| routes | certificate | address |", "|---|---|---|"]
    return rows + [
        f"| `{family}` | `403 {wording.certificate}` | `403 {wording.address}` |"
        for family, wording in WORDINGS.items()
    ]


# What a card and a refused call may look like; everybody in it is fictitious.
_CARD = {
    "organisation": "Praktijk Voorbeeld",
    "agb_code": "99000001",
    "user_number": "20009999000001",
    "contacts": [{"name": "Anna Voorbeeld", "mail": "a.voorbeeld@praktijk.example"}],
    "party": {"name": "Voorbeeld Software", "mail": "support@software.example"},
    "on_call": "relaybeheer, beheer@relay.example",
}
_FACTS = Facts(
    at=datetime(2026, 11, 25, 15, 2, tzinfo=UTC),
    environment=Environment.PRODUCTION,
    egress="203.0.113.10",
    seen_as="203.0.113.11",
    phrase="403 Forbidden",
    service="cov",
    host="api.vecozo.nl",
    trace_ids=("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",),
)
_READERS = {
    Reader.CONTACT_PERSON: "contact person",
    Reader.SOFTWARE_PARTY: "software party",
    Reader.SUPPORT: "VECOZO Support",
}


def _advice(matter: Matter, registration: Registration) -> Advice:
    return advise(matter, Card.model_validate(_CARD | {"registration": registration}), _FACTS)


def people_rows() -> list[str]:
    rows = ["| matter | own | party | consent |", "|---|---|---|---|"]
    for matter in Matter:
        readers = [[_READERS[each.reader] for each in _advice(matter, form).letters] for form in Registration]
        rows.append(f"| `{matter}` | " + " | ".join(", then ".join(each) or "operator" for each in readers) + " |")
    return rows


def mail_rows() -> list[str]:
    rows = ["| matter | own | party | consent |", "|---|---|---|---|"]
    return rows + [
        f"| `{matter}` | " + " | ".join(_mailed(matter, form) for form in Registration) + " |" for matter in UNASKED
    ]


def _mailed(matter: Matter, registration: Registration) -> str:
    card = Card.model_validate(_CARD | {"registration": registration})
    party = card.party.mail if card.party else None
    told = []
    for letter in unasked(matter, card, _FACTS):
        to = "software party" if party in letter.mails else "contact persons"
        told.append(f"{to}, for VECOZO Support" if letter.reader is Reader.SUPPORT else to)
    return "; ".join(told)


def example_letter() -> list[str]:
    first = _advice(Matter.ADDRESS_OR_BLOCKED, Registration.OWN).letters[0]
    return ["```text", f"Onderwerp: {first.subject}", "", *first.text.splitlines(), "```"]


TABLES = {
    "settings.md": {
        "relay": lambda: settings_rows(RelaySettings),
        "reference": lambda: settings_rows(ReferenceSettings),
        "routes": route_rows,
    },
    "metrics.md": {"metrics": metrics_rows},
    "errors.md": {"errors": error_rows},
    "people.md": {"people": people_rows, "mails": mail_rows, "letter": example_letter},
    "registry.md": {"refusals": refusal_rows, "gate": gate_rows, "wordings": wording_rows, "faults": fault_rows},
}


def with_tables(text: str, page: str) -> str:
    """Return the page with each table between its two marks made anew."""
    for name, rows in TABLES[page].items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = before + begin + "\n".join(rows()) + "\n" + end + after
    return text


if __name__ == "__main__":
    for page in TABLES:
        path = DOCS / page
        path.write_text(with_tables(path.read_text(), page))
