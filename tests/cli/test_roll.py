"""`relay client list` and `show`: who may call, by what, until when; and from a running relay, when each was used."""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result

from relay.cli import main
from tests.kit import authority as kit
from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay, write_settings


def _client(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["client", *arguments, "--config", str(folder / "relay.toml")])


def test_without_a_relay_they_tell_what_the_settings_say_and_that_none_runs(tmp_path: Path) -> None:
    pin = [{"fingerprint": kit.fingerprint(kit.system())}]
    key = write_settings(tmp_path, 8443, changes={"clients.dynamics.certificates": pin, "operator.port": 1})
    listed, shown = _client(tmp_path, "list"), _client(tmp_path, "show", "dynamics")
    for result in (listed, shown):
        assert result.exit_code == 0, result.output
        for told in ("linde", "api_key", "client_certificate", key.id, "gives no answer (Connection refused)"):
            assert told in result.output
        assert key.digest.removeprefix("sha256:") not in result.output
    assert "never" in shown.output
    write_settings(tmp_path, 8443)
    assert "operator.port is any free one" in _client(tmp_path, "list").output


def test_a_client_that_is_not_there_is_told(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    result = _client(tmp_path, "show", "eik")
    assert (result.exit_code, "has no client eik (there: dynamics)" in result.output) == (1, True)


async def test_a_running_relay_tells_when_each_was_last_used(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await (await caller.send(request("GET", PATH, here.authorised))).answer()
        await until(lambda: len(here.exchanges) == 1)
        file = tmp_path / "relay.toml"
        file.write_text(file.read_text().replace("operator.port = 0", f"operator.port = {here.operator}"))
        told = json.loads((await asyncio.to_thread(_client, tmp_path, "list", "--json")).stdout)
        shown = json.loads((await asyncio.to_thread(_client, tmp_path, "show", "dynamics", "--json")).stdout)
    assert (told["running"], told["in_force"]) == (True, True)
    [key] = told["clients"]["dynamics"]["keys"]
    assert key["id"] == here.key.split("_")[1]
    assert key["last_used"] == shown["ways"]["api_key"] is not None
