"""The two public collections, as rows: what they say stays as it is but for the path, the key and the row's mark."""

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.corpora.own import Row

PREFIX: Final = b"/acc/cov"

# The path of a row is put under a routed prefix, and nothing else is touched: neither in what is no plain request
# line, nor in requests that a row hides in a body.
_ORIGIN_FORM: Final = re.compile(rb"\A((?:\r\n)*[^\r\n/]*?[ \t]+)/")
_ABSOLUTE_FORM: Final = re.compile(rb"\A([A-Z]+ https?://[^/ ]+)/")
_HOST_LINE: Final = re.compile(rb"^host:[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)
_ANY_HOST: Final = re.compile(rb"^host[ \t]*:", re.IGNORECASE | re.MULTILINE)


def folder() -> Path:
    """Where the collections are: CORPORA, or beside the repository."""
    given = os.environ.get("CORPORA")
    return Path(given) if given else Path(__file__).parents[2].parent / "shared" / "corpora"


def collection(name: str) -> list[Row]:
    """Return the rows of one collection that are judged; skip where it is not here."""
    file = folder() / f"{name}.json"
    if not file.exists():
        # Others' collections, not ours to ship: our own rows are played everywhere.
        pytest.skip(f"the collection {file.name} is not here: name its folder in CORPORA")
    tests = json.loads(file.read_text())["tests"]
    return [Row(test["id"], tuple(map(_ours, _steps(test))), "") for test in tests if _judged(test)]


def with_a_host(rows: list[Row]) -> list[Row]:
    """Return once more those rows that have no Host, which hides what they are about, with one."""
    return [
        Row(f"{row.id}+host", (_with_host(row.steps[0]),), "")
        for row in rows
        if len(row.steps) == 1 and not _ANY_HOST.search(row.steps[0])
    ]


def _judged(test: dict[str, Any]) -> bool:
    """As their own runner has it: not what only an origin can show, nor what hangs on another server's settings."""
    settings = test.get("needs_gunicorn_cfg") or "-pp_" in test["id"] or "limit_" in test["id"]
    return not test.get("origin_only") and not settings


def _steps(test: dict[str, Any]) -> Iterator[bytes]:
    if "steps" not in test:
        yield base64.b64decode(test["raw_b64"])
        return
    for step in test["steps"]:
        yield b"".join(base64.b64decode(part["raw_b64"]) for part in step["parts"])


def _ours(octets: bytes) -> bytes:
    octets = _ORIGIN_FORM.sub(rb"\1%b/" % PREFIX, _ABSOLUTE_FORM.sub(rb"\1%b/" % PREFIX, octets))
    found = _HOST_LINE.search(octets)
    # Where no line ends in CRLF there is no place for a key, nor for a request.
    place = found.end() if found else octets.find(b"\r\n") + 2
    return octets[:place] + b"{AUTH}" + octets[place:] if place > 1 else octets


def _with_host(octets: bytes) -> bytes:
    return octets.replace(b"{AUTH}", b"Host: {HOST}\r\n{AUTH}", 1)
