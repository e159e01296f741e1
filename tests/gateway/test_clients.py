"""Who may call changes with the settings file, without a restart; and a bad file changes nothing."""

from pathlib import Path

import pytest

from relay.auth.api_key import NewKey, new_key
from tests.kit import authority as kit
from tests.kit import upstream as up
from tests.kit.caller import Caller
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, Relay, relay


async def _status(here: Relay, key: str) -> int:
    async with line(here.port) as caller:
        return (await (await caller.send(request("GET", PATH, ("X-Api-Key", key)))).answer()).status


def _stanza(name: str, key: NewKey) -> str:
    return (
        f'\n[clients.{name}]\ntenants = ["linde"]\n[[clients.{name}.api_keys]]\n'
        f'id = "{key.id}"\ndigest = "{key.digest}"\n'
    )


async def _told(here: Relay, event: str) -> list[dict[str, object]]:
    await until(lambda: any(each["event"] == event for each in here.lines))
    return [each for each in here.lines if each["event"] == event]


async def test_a_client_comes_and_another_goes_while_calls_flow(tmp_path: Path) -> None:
    fresh = new_key()
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        settings = tmp_path / "relay.toml"
        async with line(here.port) as kept:
            assert (await (await kept.send(request("GET", PATH, here.authorised))).answer()).status == 200
            assert await _status(here, fresh.text) == 401
            settings.write_text(settings.read_text() + _stanza("portal", fresh))
            assert (await _told(here, "clients_taken"))[0]["clients"] == ["dynamics", "portal"]
            assert [await _status(here, fresh.text), await _status(here, here.key)] == [200, 200]
            settings.write_text(
                "\n".join(each for each in settings.read_text().splitlines() if "clients.dynamics" not in each)
            )
            await until(lambda: sum(each["event"] == "clients_taken" for each in here.lines) == 2)
            # The connection stays, and its next call is of nobody.
            assert (await (await kept.send(request("GET", PATH, here.authorised))).answer()).status == 401
        assert await _status(here, fresh.text) == 200
        assert 'relay_clients_reloads_total{result="taken"} 2.0' in await here.scrape()


@pytest.mark.parametrize(
    ("addition", "key"),
    [
        ('\n[clients.portal]\ntenants = ["nobody"]\n', "clients.portal"),
        ("\n[clients.portal\n", "relay.toml"),
        ("\n[clients.dynamics.api_keys]\n", "relay.toml"),
        ('\n[clients.portal]\ntenants = ["linde"]\ncertificates = [{ subject = "=" }]\n', "clients.portal"),
    ],
    ids=["a client without proof", "half a line", "a key twice", "no subject"],
)
async def test_a_bad_file_changes_nothing_and_says_so(tmp_path: Path, addition: str, key: str) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        settings = tmp_path / "relay.toml"
        good = settings.read_text()
        settings.write_text(good + addition)
        assert key in str((await _told(here, "clients_refused"))[0]["key"])
        assert await _status(here, here.key) == 200
        assert 'relay_clients_reloads_total{result="refused"} 1.0' in await here.scrape()
        settings.write_text(good)
        await _told(here, "clients_taken")
        assert await _status(here, here.key) == 200


async def test_what_else_changed_waits_for_a_restart_and_is_told(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        settings = tmp_path / "relay.toml"
        settings.write_text(
            "pseudonym = 'other'\n"
            + settings.read_text()
            + "\nclients.dynamics.never_repeats = true\ntenants.linde.card.agb_code = '99000001'\n"
        )
        waiting = ["pseudonym", "tenants.linde.card.agb_code"]
        assert (await _told(here, "settings_need_restart"))[0]["keys"] == waiting
        async with line(here.port) as caller:
            answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
        assert answer.field("proxy-status") == "relay; received-status=200"


async def test_a_client_of_a_new_tenant_has_nowhere_to_go_until_a_restart_and_all_else_counts(tmp_path: Path) -> None:
    fresh, both = new_key(), new_key()
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        settings = tmp_path / "relay.toml"
        own = [each for each in settings.read_text().splitlines() if each.startswith("tenants.linde.")]
        tenant = [each.replace("tenants.linde.", "tenants.eik.").replace("127.0.0.9", "127.0.0.10") for each in own]
        more = _stanza("portal", fresh).replace('"linde"', '"eik"') + _stanza("flow", both).replace(
            '"linde"', '"linde", "eik"'
        )
        settings.write_text("\n".join([settings.read_text(), *tenant]) + more)
        assert (await _told(here, "clients_taken"))[0]["clients"] == ["dynamics", "flow"]
        assert (await _told(here, "settings_need_restart"))[0]["keys"] == ["tenants.eik"]
        assert [await _status(here, key) for key in (fresh.text, both.text, here.key)] == [401, 200, 200]


async def test_callers_are_asked_for_a_certificate_once_a_client_has_one_and_no_longer(tmp_path: Path) -> None:
    pin = f'\nclients.dynamics.certificates = [{{ fingerprint = "{kit.fingerprint(kit.system())}" }}]\n'
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        settings = tmp_path / "relay.toml"
        before = settings.read_text()
        for text, shown in ((before + pin, 200), (before, 401)):
            settings.write_text(text)
            count = sum(each["event"] == "server_certificate_taken" for each in here.lines)
            await until(
                lambda count=count: sum(each["event"] == "server_certificate_taken" for each in here.lines) > count
            )
            [seen] = await Caller(kit.system(), trust=tmp_path / "trust.pem").send(here.port, request("GET", PATH))
            assert seen.status == shown
