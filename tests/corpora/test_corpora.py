"""Every row of every collection gets what expected.json has coming for it, and nothing else reaches the upstream.

Over TLS, with a key, without one and with a wrong one, before an upstream that records every octet (check-list C1 to
C22 as far as requests can show them).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from relay.front import listener
from tests.corpora.expected import Expectation, expectations
from tests.corpora.own import OWN, Row
from tests.corpora.play import Seen, Stand
from tests.corpora.public import collection, with_a_host
from tests.kit.recording import Recording, recording
from tests.kit.relay import relay

SETTINGS: Final = {"listen.max_body": 100_000, "listen.longest_delay": 0, "listen.names": ["localhost", "example.com"]}
WRONG_KEY: Final = "rk_aaaaaaaaaaaaaaaa_" + "A" * 43

COLLECTIONS: Final[dict[str, Callable[[], list[Row]]]] = {
    "own": lambda: list(OWN),
    "http11probe": partial(collection, "http11probe"),
    "gunicorn_requests": partial(collection, "gunicorn_requests"),
    "gunicorn_requests with a Host": lambda: with_a_host(collection("gunicorn_requests")),
}
collections = pytest.mark.parametrize(
    "name", ["own", *(pytest.param(name, marks=pytest.mark.slow) for name in COLLECTIONS if name != "own")]
)


@pytest.fixture(autouse=True)
def _short_farewells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused caller has a second to take its answer before the close; here all are at hand."""
    monkeypatch.setattr(listener, "LINGER_SECONDS", 0.1)


def _expected(name: str, rows: list[Row]) -> dict[str, Expectation]:
    expected = expectations()[name]
    assert expected.keys() == {row.id for row in rows}, "expected.json names other rows than there are"
    return expected


async def _played(
    folder: Path, name: str, key: Callable[[str], str | None], *, known: bool
) -> tuple[dict[str, list[str]], Recording, str]:
    """Play a collection; return the faults by row, what reached the upstream, and the key that would be right."""
    rows = COLLECTIONS[name]()
    expected = {row: each.known if known else each.stranger for row, each in _expected(name, rows).items()}
    async with recording() as upstream:
        async with relay(folder, upstream.port, changes=SETTINGS) as here:
            stand = Stand(here, upstream, expected, key(here.key), known)
            seen: dict[str, Seen] = await stand.play(rows)
        faults = {row.id: found for row in rows if (found := list(stand.faults(row, seen[row.id])))}
    return faults, upstream, here.key


def _told(faults: dict[str, list[str]]) -> str:
    return "\n".join(f"{row}: {'; '.join(found)}" for row, found in faults.items())


@collections
async def test_every_row_gets_what_it_has_coming_and_what_is_forwarded_is_what_was_sent(
    tmp_path: Path, name: str
) -> None:
    faults, upstream, key = await _played(tmp_path, name, lambda key: key, known=True)
    assert _told(faults) == ""
    assert upstream.unsafe == []
    assert {mark.removesuffix("!") for mark in upstream.messages} <= expectations()[name].keys()
    assert key.encode() not in b"".join(upstream.octets)


@collections
@pytest.mark.parametrize(
    "key",
    [pytest.param(None, id="without a key"), pytest.param(WRONG_KEY, id="with a wrong key", marks=pytest.mark.slow)],
)
async def test_for_a_stranger_no_byte_goes_upstream_and_what_is_malformed_is_still_told_so(
    tmp_path: Path, name: str, key: str | None
) -> None:
    faults, upstream, _ = await _played(tmp_path, name, lambda _: key, known=False)
    assert _told(faults) == ""
    assert upstream.connections == 0
