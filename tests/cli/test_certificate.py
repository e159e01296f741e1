"""`relay certificate show`: what a user reads, and what a script does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.authority.issued import Issued
from relay.cli.certificate import certificate
from relay.x509.mistake import MISTAKES, Mistake
from tests.kit import authority as kit


@pytest.fixture
def show(tmp_path: Path) -> Callable[..., Result]:
    """Show these bytes with this password in a file beside it."""

    def show(data: bytes, *options: str, password: bytes = b"geheim\n") -> Result:
        (tmp_path / "systeem.p12").write_bytes(data)
        (tmp_path / "password").write_bytes(password)
        arguments = ["show", str(tmp_path / "systeem.p12"), "--password-file", str(tmp_path / "password")]
        return CliRunner().invoke(certificate, [*arguments, *options])

    return show


def said(result: Result) -> str:
    """What was printed, as one line: the width of a terminal is not what is tested."""
    return " ".join(result.output.split())


def test_a_good_file_is_introduced_and_ends_with_0(show: Callable[..., Result]) -> None:
    result = show(kit.system().p12("geheim"))
    assert result.exit_code == 0
    for told in ("systeem.p12", kit.ORGANISATION, kit.USER_NUMBER, "728 days left", "It can be used."):
        assert told in said(result)


@pytest.mark.parametrize(("issued", "mistake"), [(kit.personal, Mistake.PERSONAL), (kit.expired, Mistake.EXPIRED)])
def test_a_mistake_is_told_with_its_remedy_and_ends_with_1(
    show: Callable[..., Result], issued: Callable[[], Issued], mistake: Mistake
) -> None:
    result = show(issued().p12("geheim"))
    assert result.exit_code == 1
    for told in (MISTAKES[mistake].what, MISTAKES[mistake].remedy, kit.ORGANISATION, "It cannot be used."):
        assert told in said(result)


def test_an_expired_certificate_tells_until_when(show: Callable[..., Result]) -> None:
    ended = kit.expired().certificate.not_valid_after_utc
    assert f"to {ended:%Y-%m-%d} (expired)" in said(show(kit.expired().p12("geheim")))


def test_the_same_is_there_as_json(show: Callable[..., Result]) -> None:
    result = show(kit.personal().p12("geheim"), "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["usable"] is False
    assert told["findings"][0]["mistake"] == "personal"
    assert told["identity"]["user_number"] == kit.PERSONAL_NUMBER
    assert told["identity"]["not_after"].endswith("+00:00")


@pytest.mark.parametrize("password", [b"geheim", b"geheim\n", b"geheim\r\n"])
def test_the_line_end_of_a_password_file_is_no_part_of_the_password(
    show: Callable[..., Result], password: bytes
) -> None:
    assert show(kit.system().p12("geheim"), password=password).exit_code == 0


def test_a_wrong_password_is_told_and_not_printed(show: Callable[..., Result]) -> None:
    result = show(kit.system().p12("geheim"), password=b"verkeerd")
    assert result.exit_code == 1
    assert MISTAKES[Mistake.WRONG_PASSWORD].what in said(result)
    assert "verkeerd" not in result.output


@pytest.mark.parametrize("data", [b"", b"hello", kit.system().p12("geheim")[:99], kit.system().key_pem()])
def test_no_file_gives_a_traceback(show: Callable[..., Result], data: bytes) -> None:
    result = show(data)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "It cannot be used." in result.output


def test_a_password_in_another_encoding_is_told(show: Callable[..., Result]) -> None:
    result = show(kit.system().p12("geheim"), password="geh\u00e9im".encode("latin-1"))
    assert result.exit_code == 1
    assert "UTF-8" in result.output


def test_a_file_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(certificate, ["show", "nowhere.p12"])
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_a_name_in_a_certificate_cannot_steer_the_terminal(show: Callable[..., Result]) -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, "De \x1b[31mLinde [red]x[/red]", at=kit.AT)
    result = show(issued.p12("geheim"))
    assert "\x1b" not in result.output
    assert "[red]x[/red]" in result.output


def test_a_long_name_is_not_cut_off(show: Callable[..., Result]) -> None:
    result = show(kit.authority().issue_system(kit.USER_NUMBER, "Lindebomen" * 12, at=kit.AT).p12("geheim"))
    assert "Lindebomen" * 12 in "".join(result.output.split())
    assert "\u2026" not in result.output


def test_a_chain_is_called_left_out_only_where_it_is(show: Callable[..., Result]) -> None:
    assert "not in the file" in show(kit.system().p12("geheim", with_chain=False)).output
    assert "not in the file" not in show(kit.system().chain_pem()).output
