"""`relay client new` and `rotate`: the key shown once, its digest printed or written into the settings."""

import fcntl
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from relay.auth.api_key import digest_of
from relay.cli import main
from tests.kit.relay import read_settings, write_settings


def _new(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["client", "new", *arguments])


def _key(result: Result) -> str:
    [key] = re.findall(r"^rk_\S+$", result.stdout, re.MULTILINE)
    return str(key)


def test_the_stanza_and_the_key_are_printed(tmp_path: Path) -> None:
    result = _new("dynamics", "--tenant", "linde", "--tenant", "berk")
    assert result.exit_code == 0
    key = _key(result)
    stanza = tomllib.loads(result.stdout.replace(key, ""))
    client = stanza["clients"]["dynamics"]
    assert client["tenants"] == ["linde", "berk"]
    assert client["api_keys"] == [{"id": key.split("_")[1], "digest": digest_of(key.encode())}]
    assert "shown this once" in result.stderr


def test_the_stanza_is_appended_and_the_key_stays_out_of_the_file(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    file = tmp_path / "relay.toml"
    before = file.read_text()
    result = _new("portal", "--write", str(file))
    assert result.exit_code == 0, result.output
    assert f"Written to {file}" in result.stderr
    assert file.read_text().startswith(before)
    assert _key(result) not in file.read_text()
    client = read_settings(tmp_path).clients["portal"]
    assert client.tenants == ("linde",)  # the only one there is
    assert client.api_keys[0].digest == digest_of(_key(result).encode())
    assert "digest" not in result.stdout


def test_the_first_client_can_be_appended(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    file = tmp_path / "relay.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("clients.")))
    assert _new("portal", "--write", str(file)).exit_code == 0
    assert list(read_settings(tmp_path).clients) == ["portal"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dynamics"], "has a client dynamics already"),
        (["portal", "--tenant", "eik"], "has no tenant eik (there: linde)"),
    ],
)
def test_what_does_not_fit_the_file_changes_nothing(tmp_path: Path, arguments: list[str], told: str) -> None:
    write_settings(tmp_path, 8443)
    file = tmp_path / "relay.toml"
    before = file.read_text()
    result = _new(*arguments, "--write", str(file))
    assert result.exit_code == 1
    assert told in result.stderr
    assert "rk_" not in result.output
    assert file.read_text() == before


def test_a_file_that_an_appended_stanza_would_break_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    before = 'clients = { other = { tenants = ["linde"] } }\ntenants = { linde = {} }\n'
    file.write_text(before)
    result = _new("portal", "--write", str(file))
    assert result.exit_code == 1
    assert "rk_" not in result.output
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"= 1", "cannot be read as settings"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"", "has no tenants yet"),
        (b"[tenants.linde]\n[tenants.berk]\n", "has several tenants (linde, berk); say with --tenant which"),
        (b"clients = 5\n[tenants.linde]\n", "clients should be a table"),
        (b'tenants = "linde"\n', "tenants should be a table"),
    ],
)
def test_a_file_that_takes_no_client_is_told_why_and_stays_as_it_is(tmp_path: Path, written: bytes, told: str) -> None:
    file = tmp_path / "relay.toml"
    file.write_bytes(written)
    result = _new("portal", "--write", str(file))
    assert result.exit_code == 1
    assert told in result.stderr
    assert "rk_" not in result.output
    assert file.read_bytes() == written


@pytest.mark.parametrize("name", ["Portal", "-portal", "por tal", "p" * 64])
def test_a_name_that_the_settings_would_refuse_is_refused_here(name: str) -> None:
    result = _new("--", name)
    assert result.exit_code == 2
    assert "rk_" not in result.output


def test_a_file_that_cannot_be_written_is_told_and_no_key_is_shown(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    sealed = os.memfd_create("settings", os.MFD_ALLOW_SEALING)  # unlike a read-only file, not writable for root either
    try:
        os.write(sealed, (tmp_path / "relay.toml").read_bytes())
        fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        result = _new("portal", "--write", f"/proc/self/fd/{sealed}")
    finally:
        os.close(sealed)
    assert (result.exit_code, "cannot be written" in result.stderr) == (1, True)
    assert "rk_" not in result.output


def _rotate(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["client", "rotate", "dynamics", "--config", str(folder / "relay.toml"), *arguments]
    )


def test_a_new_client_may_have_a_key_that_expires(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    assert _new("portal", "--write", str(tmp_path / "relay.toml"), "--expires", "2099-01-31").exit_code == 0
    assert read_settings(tmp_path).clients["portal"].api_keys[0].expires == datetime(2099, 2, 1, tzinfo=UTC)
    told = tomllib.loads(_new("x", "--expires", "2099-01-31T06:00:00+01:00").stdout.partition("rk_")[0])
    assert told["clients"]["x"]["api_keys"][0]["expires"] == datetime(2099, 1, 31, 5, tzinfo=UTC)


@pytest.mark.parametrize("date", ["2020-01-31", "31-01-2099", "2099-01-31T06:00:00", "9999-12-31", "soon"])
def test_a_date_that_is_none_or_has_passed_is_refused(date: str) -> None:
    result = _new("portal", "--expires", date)
    assert (result.exit_code, "rk_" in result.output) == (2, False)


def test_a_key_is_rotated_while_both_count_and_a_third_is_refused(tmp_path: Path) -> None:
    old = write_settings(tmp_path, 8443)
    result = _rotate(tmp_path, "--old-until", "2099-01-31")
    assert result.exit_code == 0, result.output
    first, second = read_settings(tmp_path).clients["dynamics"].api_keys
    assert (first.id, first.digest, first.expires) == (old.id, old.digest, datetime(2099, 2, 1, tzinfo=UTC))
    assert (second.digest, second.expires) == (digest_of(_key(result).encode()), None)
    assert _key(result) not in (tmp_path / "relay.toml").read_text()
    assert f"end it with `relay client revoke dynamics {old.id}`" in result.stderr
    assert "within seconds" in result.stderr
    assert "sha256:" not in result.output
    before = (tmp_path / "relay.toml").read_text()
    third = _rotate(tmp_path)
    assert (third.exit_code, "rk_" in third.output) == (1, False)
    assert all(f"`relay client revoke dynamics {key.id}`" in third.stderr for key in (first, second))
    assert (tmp_path / "relay.toml").read_text() == before


def test_what_to_write_is_printed_where_the_file_is_not_to_be_changed(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    before = (tmp_path / "relay.toml").read_text()
    result = _rotate(tmp_path, "--print")
    key = _key(result)
    [entry] = tomllib.loads(result.stdout.replace(key, ""))["clients"]["dynamics"]["api_keys"]
    assert entry == {"id": key.split("_")[1], "digest": digest_of(key.encode())}
    assert (tmp_path / "relay.toml").read_text() == before


def test_a_file_that_no_relay_takes_up_is_told_of(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"workers": 0})
    result = _rotate(tmp_path)
    assert result.exit_code == 0
    assert "goes by its old clients until the file is in order: workers:" in result.stderr


def test_a_client_that_is_not_there_gets_no_key(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"clients": {}})
    result = _rotate(tmp_path)
    assert (result.exit_code, "has no client dynamics (there: none)" in result.stderr) == (1, True)
    assert "rk_" not in result.output


def test_a_password_is_shown_once_and_its_digest_written(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    file = tmp_path / "relay.toml"
    result = _new("old-wcf", "--basic", "--write", str(file))
    assert result.exit_code == 0, result.output
    password = result.stdout.strip()
    assert len(password) == 32
    assert "shown this once" in result.stderr
    assert password not in result.stderr + file.read_text()
    client = read_settings(tmp_path).clients["old-wcf"]
    assert (client.tenants, client.api_keys) == (("linde",), ())
    [entry] = client.passwords
    assert entry.user == "old-wcf"
    assert PasswordHasher().verify(entry.digest, password)
    printed = _new("old-wcf", "--basic", "--tenant", "linde").stdout.strip().rpartition("\n")
    assert tomllib.loads(printed[0])["clients"]["old-wcf"]["passwords"][0]["user"] == "old-wcf"
    assert len(printed[2]) == 32


def test_a_client_without_a_key_gets_none_by_a_rotation(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    file = tmp_path / "relay.toml"
    assert _new("old-wcf", "--basic", "--write", str(file)).exit_code == 0
    before = file.read_text()
    result = CliRunner().invoke(main, ["client", "rotate", "old-wcf", "--config", str(file)])
    assert (result.exit_code, "no key that another could replace" in result.stderr) == (1, True)
    assert ("rk_" in result.output, file.read_text()) == (False, before)


def test_a_password_has_no_end_date() -> None:
    result = _new("old-wcf", "--basic", "--expires", "2099-01-31")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--basic" in result.stderr
