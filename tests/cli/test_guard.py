"""`relay guard`: tells what is held or stopped, and lets calls out only after a person says that VECOZO agreed."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.upstream.guard import Rules, State
from relay.upstream.guardroom import Guardroom, StateFile
from tests.kit import upstream as kit
from tests.kit.line import line, request
from tests.kit.relay import Relay, relay, write_settings

QUOTA = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
WORD = "--after-vecozos-word"


def _guard(folder: Path, *arguments: str, says: str | None = None) -> Result:
    command = ["guard", arguments[0], "--config", str(folder / "relay.toml"), *arguments[1:]]
    return CliRunner().invoke(main, command, input=says)


def _left(folder: Path) -> StateFile:
    """A relay that was stopped while it held and had stopped calls."""
    write_settings(folder, 443)
    file = StateFile(folder / "relay.state")
    room = Guardroom(file, Rules(), [("linde", "127.0.0.9")], routes=2, at=time.time())
    for _ in range(3):
        room.refused("linde", "127.0.0.9", permit="", at=time.time())
    room.stop("linde", "cov", at=time.time())
    return file


async def _called(here: Relay) -> int:
    async with line(here.port) as caller:
        call = request("POST", "/acc/cov/x", here.authorised, body=b"x")
        return (await (await caller.send(call)).answer()).status


@pytest.mark.one_process
async def test_it_talks_to_the_relay_that_runs(tmp_path: Path) -> None:
    async with kit.running(kit.answering(QUOTA)) as upstream, relay(tmp_path, upstream.port) as here:
        assert [await _called(here), await _called(here)] == [429, 503]
        shown = await asyncio.to_thread(_guard, tmp_path, "show", "--json")
        words = await asyncio.to_thread(_guard, tmp_path, "show")
        lifted = await asyncio.to_thread(_guard, tmp_path, "lift", "linde", "--route", "cov", WORD)
        assert await _called(here) == 429
    told = json.loads(shown.output)
    assert told["running"]
    assert [(stop["way"], stop["route"]) for stop in told["stops"]] == [("linde", "cov")]
    [refused] = told["refusals"]
    assert [refused[name] for name in ("way", "egress", "cause", "answer")] == [
        "linde", "127.0.0.9", "quota", "429 Too Many Requests",
    ]  # fmt: skip
    assert "quota   429 Too Many Requests" in words.output
    assert (lifted.exit_code, lifted.output) == (0, "1 lifted.\n")


def test_where_none_runs_it_tells_and_changes_how_one_was_left(tmp_path: Path) -> None:
    file = _left(tmp_path)
    shown = _guard(tmp_path, "show")
    assert shown.exit_code == 0
    for word in ("No relay runs", "holding", "127.0.0.9", "Stopped for a quota", "cov"):
        assert word in shown.output
    assert "…" not in shown.output, "narrow or not, no word is cut off"
    lifted = _guard(tmp_path, "lift", "linde", WORD)
    assert (lifted.exit_code, lifted.output.splitlines()[-1]) == (0, "2 lifted.")
    book = file.read()
    assert (book.stops, book.guards["linde", "127.0.0.9"].state) == ({}, State.PASSING)


def test_nothing_is_lifted_without_vecozos_word(tmp_path: Path) -> None:
    file = _left(tmp_path)
    for says in ("n\n", "\n", ""):
        assert _guard(tmp_path, "lift", "linde", says=says).exit_code == 1
    assert file.read().stops
    assert _guard(tmp_path, "lift", "linde", says="y\n").exit_code == 0
    assert not file.read().stops


def test_a_name_that_is_no_ways_is_refused(tmp_path: Path) -> None:
    _left(tmp_path)
    result = _guard(tmp_path, "lift", "lnide", WORD)
    assert result.exit_code == 1
    assert "there is no way 'lnide' (there: linde)" in result.output


def test_a_name_that_is_no_routes_is_refused_but_for_one_that_is_still_stopped(tmp_path: Path) -> None:
    file = _left(tmp_path)
    result = _guard(tmp_path, "lift", "linde", "--route", "cvo", WORD)
    assert result.exit_code == 1
    assert "linde has no route 'cvo' (there: cov, claims)" in result.output
    Guardroom(file, Rules(), [("linde", "127.0.0.9")], routes=2, at=time.time()).stop("linde", "old", at=time.time())
    assert "1 lifted." in _guard(tmp_path, "lift", "linde", "--route", "old", WORD).output


def test_a_file_that_cannot_be_understood_is_told_by_the_settings_key(tmp_path: Path) -> None:
    _left(tmp_path).path.write_text("{")
    for verb in (("show",), ("lift", "linde", WORD)):
        result = _guard(tmp_path, *verb)
        assert result.exit_code == 1
        assert "state: " in result.output


@pytest.mark.one_process
async def test_what_vecozo_says_is_shown_as_it_is_and_never_taken_for_markup(tmp_path: Path) -> None:
    says = QUOTA.replace(b"Too Many Requests", b"[/bold] [link=https://elders.example]Quota[/] :bomb:")
    async with kit.running(kit.answering(says)) as upstream, relay(tmp_path, upstream.port) as here:
        assert await _called(here) == 429
        shown = await asyncio.to_thread(_guard, tmp_path, "show")
    assert shown.exit_code == 0, shown.exception
    assert "429 [/bold] [link=https://elders.example]Quota[/] :bomb:" in shown.output
