"""`relay client revoke`: what is taken out and what is left; with --wait it returns once every worker obeys."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.auth.api_key import new_key
from relay.cli import main
from tests.kit import authority as kit
from tests.kit import upstream as up
from tests.kit.line import line, request
from tests.kit.relay import PATH, read_settings, relay, write_settings
from tests.kit.served import served

pytestmark = pytest.mark.slow

_SECOND = new_key()


def _revoke(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["client", "revoke", *arguments, "--config", str(folder / "relay.toml")])


def _two_keys(folder: Path) -> str:
    """Have the client in the settings have a second key; return the first one's identifier."""
    file = folder / "relay.toml"
    [first] = read_settings(folder).clients["dynamics"].api_keys
    more = f'{{ id = "{_SECOND.id}", digest = "{_SECOND.digest}" }}'
    file.write_text(file.read_text().replace("clients.dynamics.api_keys = [", f"clients.dynamics.api_keys = [{more}, "))
    return first.id


def test_one_of_two_keys_goes_and_the_other_is_told(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    first = _two_keys(tmp_path)
    result = _revoke(tmp_path, "dynamics", first)
    assert result.exit_code == 0, result.output
    assert f"Revoked: key {first} of dynamics. Left: key {_SECOND.id}." in result.output
    assert "within seconds" in result.output
    assert "sha256" not in result.output
    assert [key.id for key in read_settings(tmp_path).clients["dynamics"].api_keys] == [_SECOND.id]


@pytest.mark.parametrize(
    ("requires", "left"),
    [([], "Left: certificates."), (["api_key", "client_certificate"], "the client is out of")],
)
def test_a_last_key_goes_and_with_it_a_client_that_then_proves_itself_no_more(
    tmp_path: Path, requires: list[str], left: str
) -> None:
    pin = [{"fingerprint": kit.fingerprint(kit.system())}]
    changes = {"clients.dynamics.certificates": pin, "clients.dynamics.requires": requires}
    key = write_settings(tmp_path, 8443, changes=changes)
    result = _revoke(tmp_path, "dynamics", key.id)
    assert left in result.output
    assert ("dynamics" in read_settings(tmp_path).clients) is (not requires)


def test_without_a_key_the_client_goes_and_the_only_key_takes_it_along(tmp_path: Path) -> None:
    for key_id in (False, True):
        key = write_settings(tmp_path, 8443)
        result = _revoke(tmp_path, "dynamics", *[key.id] * key_id)
        assert result.exit_code == 0, result.output
        assert "Left: nothing" in result.output
        assert not read_settings(tmp_path).clients


@pytest.mark.parametrize(("arguments", "told"), [(["dynamics", "x" * 16], "has no key"), (["eik"], "has no client")])
def test_what_is_not_there_is_told_and_changes_nothing(tmp_path: Path, arguments: list[str], told: str) -> None:
    write_settings(tmp_path, 8443)
    before = (tmp_path / "relay.toml").read_text()
    result = _revoke(tmp_path, *arguments)
    assert (result.exit_code, told in result.output) == (1, True)
    assert (tmp_path / "relay.toml").read_text() == before


def test_a_key_out_of_a_file_that_no_relay_takes_up_is_an_alarm(tmp_path: Path) -> None:
    key = write_settings(tmp_path, 8443, changes={"workers": 0})
    result = _revoke(tmp_path, "dynamics", key.id)
    assert (result.exit_code, "no relay takes that file up" in result.output) == (1, True)


@pytest.mark.parametrize("url", ["https://localhost:9090", "http://localhost", "localhost:9090", "http://x:1/metrics"])
def test_a_node_is_named_by_its_operators_port(tmp_path: Path, url: str) -> None:
    write_settings(tmp_path, 8443)
    assert _revoke(tmp_path, "dynamics", "--wait", "--at", url).exit_code == 2
    assert "dynamics" in read_settings(tmp_path).clients


async def test_once_it_returns_no_worker_takes_the_key_on_a_connection_that_is_there(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        kept = _two_keys(tmp_path)
        operator = f"http://127.0.0.1:{here.operator}"
        async with line(here.port) as first, line(here.port) as second, line(here.port) as third:
            for each in (first, second, third):
                answer = await (await each.send(request("GET", PATH, here.authorised))).answer()
                assert answer.status == 200
            result = await asyncio.to_thread(_revoke, tmp_path, "dynamics", kept, "--wait", "--at", operator)
            assert result.exit_code == 0, result.output
            assert f"Obeyed by every worker of {operator}" in result.output
            for each in (first, second, third):
                answer = await (await each.send(request("GET", PATH, here.authorised))).answer()
                assert answer.status == 401
            answer = await (await third.send(request("GET", PATH, ("X-Api-Key", _SECOND.text)))).answer()
            assert answer.status == 200
        again = await asyncio.to_thread(_revoke, tmp_path, "dynamics", kept, "--wait", "--at", operator)
        assert again.exit_code == 0, "who was cut off may wait on"


async def test_a_node_that_lags_or_is_silent_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        (other / "relay.toml").write_bytes((tmp_path / "relay.toml").read_bytes())  # of a node that has not got it yet
        nodes = [f"http://127.0.0.1:{here.operator}", "http://127.0.0.1:1"]
        arguments = ["dynamics", "--wait", "--within", "0.5", *(part for node in nodes for part in ("--at", node))]
        result = await asyncio.to_thread(_revoke, other, *arguments)
    assert result.exit_code == 1
    assert f"{nodes[0]}: still knows it" in result.output
    assert f"{nodes[1]}: gives no answer (Connection refused)" in result.output


def test_a_worker_that_does_not_obey_yet_is_waited_for(tmp_path: Path) -> None:
    with served(tmp_path, 1, changes={"workers": 2}) as here:
        settings = tmp_path / "relay.toml"
        [first] = read_settings(tmp_path).clients["dynamics"].api_keys
        operator = f"http://127.0.0.1:{here.operator}"
        with here.only(here.workers()[0]):
            result = _revoke(tmp_path, "dynamics", first.id, "--wait", "--at", operator, "--within", "4")
            assert (result.exit_code, f"{operator}: 1 of its 2 workers obey" in result.output) == (1, True), (
                result.output
            )
        assert "dynamics" not in settings.read_text()
        again = _revoke(tmp_path, "dynamics", first.id, "--wait", "--at", operator)
        assert again.exit_code == 0, again.output
