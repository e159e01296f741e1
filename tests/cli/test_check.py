"""`relay check`: 0 and what was found, or 1 and every fault with its key; never a traceback."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.auth.api_key import new_key
from relay.cli import main
from relay.upstream.guard import Rules
from relay.upstream.guardroom import Guardroom, StateFile
from relay.x509.identity import identify
from relay.x509.mistake import MISTAKES, Mistake
from tests.kit import authority as kit
from tests.kit.directory import APP_ID_URI, APPLICATION, AUDIENCE, V1, V2, Directory
from tests.kit.mail import SENDER, PostOffice, mail_settings
from tests.kit.relay import PASSWORD, write_settings


def _check(folder: Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["check", "--config", str(folder / "relay.toml")])


def test_all_in_order_ends_with_0_and_tells_what_is_there(tmp_path: Path) -> None:
    key = write_settings(tmp_path, 8443, changes={"tenants.linde.egress.public_address": "203.0.113.10"})
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    for told in ("localhost", "linde (acceptance)", "127.0.0.9", "203.0.113.10", "/acc/claims", "localhost:8443"):
        assert told in result.output
    assert "`relay serve` would start." in result.output
    assert PASSWORD not in result.output
    assert key.digest not in result.output


def test_what_is_held_or_stopped_is_told(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    room = Guardroom(StateFile(tmp_path / "relay.state"), Rules(), [("linde", "127.0.0.9")], routes=2, at=1)
    for _ in range(3):
        room.refused("linde", "127.0.0.9", permit="", at=1)
    room.stop("linde", "claims", at=1)
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert "Calls of linde from 127.0.0.9 are held: VECOZO refused 3 in a row." in result.output
    assert "Calls of linde on claims are stopped for a quota" in result.output


def test_keys_that_expired_or_will_within_a_month_are_told(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    keys = [new_key() for _ in range(4)]
    entries = [
        {"id": key.id, "digest": key.digest, "expires": (now + timedelta(days)).isoformat()}
        for key, days in zip(keys, (-1, 29, 31, 99), strict=True)
    ]
    others = {"clients.other.tenants": ["linde"], "clients.other.api_keys": entries[2:]}
    write_settings(tmp_path, 8443, changes={"clients.dynamics.api_keys": entries[:2]} | others)
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert f"Key {keys[0].id} of dynamics has expired, on " in result.output
    at = f"{now + timedelta(29):%d %B %Y, %H:%M} UTC"
    assert f"Key {keys[1].id} of dynamics expires on {at}: " in result.output
    assert "`relay client rotate dynamics`" in result.output
    assert "of other" not in result.output


def test_it_says_who_takes_mails_or_that_nobody_does(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    assert "Mails nobody: give [mail]" in _check(tmp_path).output
    write_settings(tmp_path, 8443, changes=mail_settings(tmp_path, PostOffice(port=2525)))
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    told = f"Mails the people on the cards through localhost:2525 over TLS, from {SENDER}: `relay doctor` tries it"
    assert told in result.output
    assert "no contact person of linde can be mailed: give their mail in tenants.linde.card.contacts" in result.output
    contacts = {"tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": "anna@delinde.example"}]}
    write_settings(tmp_path, 8443, changes=mail_settings(tmp_path, PostOffice(port=2525)) | contacts)
    assert "can be mailed" not in _check(tmp_path).output


def test_every_file_of_mail_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    files = {"password_file": "nowhere", "trust": "nowhere"}
    write_settings(tmp_path, 8443, changes=mail_settings(tmp_path, PostOffice(port=2525), **files))
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert "mail.password_file: " in result.output
    assert "mail.trust: " in result.output


def test_a_state_that_cannot_be_kept_is_a_fault(tmp_path: Path) -> None:
    for state, told in (("nowhere/state", "no folder that relay may write in"), ("x" * 120, "too long a name")):
        write_settings(tmp_path, 8443, changes={"state": state})
        result = _check(tmp_path)
        assert result.exit_code == 1
        assert "state: " in result.output
        assert told in result.output.replace("\n", " ")


def test_each_egress_is_told_and_one_that_is_not_here(tmp_path: Path) -> None:
    here, elsewhere = {"source_address": "127.0.0.9"}, {"source_address": "192.0.2.1", "public_address": "8.8.8.8"}
    write_settings(tmp_path, 8443, changes={"tenants.linde.egress": [here, elsewhere]})
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert "calls leave from 127.0.0.9, and VECOZO sees 127.0.0.9" in result.output
    assert "127.0.0.9 is a loopback address" in result.output
    assert "calls leave from 192.0.2.1, and VECOZO sees 8.8.8.8" in result.output
    assert "192.0.2.1 is not an address of this machine" in result.output


def test_who_is_asked_for_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.crl").write_bytes(kit.revocations(kit.system(), due=kit.AT))
    changes: dict[str, object] = {
        "listen.client_authorities": "trust.pem",
        "listen.client_revocations": "list.crl",
        "clients.dynamics.certificates": [{"subject": "CN=a"}, {"subject": "CN=b"}, {"fingerprint": "ab" * 32}],
    }
    write_settings(tmp_path, 8443, changes=changes)
    told = "Asks callers for a certificate: 1 pinned, 2 by subject of 2 authorities, which have revoked 1"
    output = _check(tmp_path).output
    assert told in output
    assert "get a newer one" in output


def test_whose_tokens_count_and_for_whom_is_told(tmp_path: Path) -> None:
    directory = Directory(port=443)
    grant = {"directory": "entra", "application": APPLICATION, "granted": True, "until": "2099-01-01T00:00:00Z"}
    write_settings(tmp_path, 8443, changes=directory.settings | {"clients.portal.tokens": [grant]})
    output = _check(tmp_path).output
    assert f"Takes tokens of entra, issued as {V1} or {V2}, for {APP_ID_URI} or {AUDIENCE}" in output
    assert "its keys are at localhost:443\n" in output
    told = f"application {APPLICATION} is portal, with no role, by explicit grant, until 2099-01-01T00:00:00+00:00"
    assert told in output
    write_settings(tmp_path, 8443, changes=directory.settings | {"clients.portal": {"tenants": ["linde"]}})
    text = (tmp_path / "relay.toml").read_text()
    (tmp_path / "relay.toml").write_text("\n".join(each for each in text.splitlines() if "clients.portal" not in each))
    assert "no client has a token of it: give [[clients.NAME.tokens]] in the settings" in _check(tmp_path).output
    (tmp_path / "trust.pem").write_text("")
    assert "directories.entra.trust: " in _check(tmp_path).stderr


def test_a_revocation_list_of_the_upstream_that_should_have_been_replaced_is_told(tmp_path: Path) -> None:
    (tmp_path / "upstream.crl").write_bytes(kit.revocations(due=kit.AT))
    write_settings(tmp_path, 8443, changes={"tenants.linde.trust_revocations": "upstream.crl"})
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert "get a newer one" in result.output


def test_routes_of_the_preset_that_nobody_verified_are_marked(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.preset": "vecozo", "tenants.linde.routes": []})
    output = _check(tmp_path).output
    rows = {line.split()[0]: line for line in output.splitlines() if "vecozo.nl" in line}
    assert "unverified" in rows["cov"]
    assert "unverified" not in rows["messages"]
    assert "certificates.iwlz" in output


def test_every_fault_is_told_with_its_key_and_ends_with_1(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.egress.source_address": "192.0.2.1"})
    (tmp_path / "system.p12").unlink()
    (tmp_path / "server.pem").unlink()
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert "3 things to mend:" in result.stderr
    for key in ("tenants.linde.egress.source_address", "tenants.linde.certificate.file", "listen.certificate"):
        assert f"  {key}: " in result.stderr
    assert "Traceback" not in result.output


def test_unknown_keys_are_faults_in_the_file_and_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_LISTEM__PORT", "1")
    write_settings(tmp_path, 8443, changes={"tenants.linde.egres": "192.0.2.1"})
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert "RELAY_LISTEM__PORT: is not a setting" in result.stderr
    assert "tenants.linde.egres: is not a setting" in result.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert "--config" in result.stderr


def test_nothing_listens_during_a_check(tmp_path: Path) -> None:
    """A check runs beside the relay that it checks, on the same ports."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write_settings(tmp_path, 8443, changes={"listen.port": taken.getsockname()[1]})
        assert _check(tmp_path).exit_code == 0


def test_it_says_when_nobody_can_call_and_when_the_loop_costs_memory(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"loop": "asyncio"})
    file = tmp_path / "relay.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("clients.")))
    result = _check(tmp_path)
    assert result.exit_code == 0
    assert "every call will be refused" in result.output
    assert "more processor time" in result.output


def test_it_says_when_there_are_more_workers_than_processors(tmp_path: Path) -> None:
    for workers, told in ((1, False), (64, True)):
        write_settings(tmp_path, 8443, changes={"workers": workers})
        result = _check(tmp_path)
        assert result.exit_code == 0
        assert ("more wins nothing" in result.output) is told


def test_without_uvloop_it_refuses_unless_the_other_loop_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    write_settings(tmp_path, 8443)
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert 'loop = "asyncio"' in result.stderr
    write_settings(tmp_path, 8443, changes={"loop": "asyncio"})
    assert _check(tmp_path).exit_code == 0


def test_a_certificate_that_works_but_was_exported_badly_is_told_with_the_remedy(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    (tmp_path / "system.p12").write_bytes(kit.system().p12(PASSWORD, with_chain=False))
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert MISTAKES[Mistake.CHAIN_LEFT_OUT].remedy in result.output


def test_it_says_that_a_tenant_is_paused_and_that_there_is_nobody_to_write_to(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.card.paused": "moves [on] Saturday"})
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    assert "moves [on] Saturday" in result.output
    assert "tenants.linde.card.contacts" in result.output


def test_a_way_of_its_own_is_told_with_the_routes_that_go_it(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "tenants.linde.preset": "vecozo",
        "tenants.linde.routes": [],
        "tenants.linde.certificates.iwlz.file": "iwlz.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    write_settings(tmp_path, 8443, changes=changes)
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    result = _check(tmp_path)
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split() for line in result.output.splitlines() if "vecozo.nl" in line}
    assert "linde/iwlz" in rows["iwlz-pep"]
    assert "linde" in rows["messages"]
    assert "VECOZO gives iWlz" not in result.output
    assert f"linde/iwlz (acceptance): certificate {identify(kit.other_system().certificate).serial}" in result.output


def test_a_certificate_that_closes_one_way_fails_the_check_though_the_relay_would_start(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "tenants.linde.preset": "vecozo",
        "tenants.linde.routes": [],
        "tenants.linde.certificates.iwlz.file": "nowhere.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    write_settings(tmp_path, 8443, changes=changes)
    result = _check(tmp_path)
    assert result.exit_code == 1
    assert "tenants.linde.certificates.iwlz.file: " in result.stderr


@pytest.mark.parametrize(("days", "told"), [(60, True), (62, False)])
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, days: int, told: bool) -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT, days=days)
    write_settings(tmp_path, 8443, certificate=issued.p12(PASSWORD))
    result = _check(tmp_path)
    assert result.exit_code == 0
    assert ("it expires in 5" in result.output) is told
