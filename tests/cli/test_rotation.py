"""`relay certificate rollback` and `cutover`: an order that can be obeyed is written, any other is refused in words."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.upstream.orders import OrdersFile, orders_of
from relay.upstream.rotation import Generation, Order
from relay.x509.identity import identify
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, write_settings

NEXT = "tenants.linde.certificate.next"
PROBE = "tenants.linde.certificate.probe"


def _command(folder: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, [*words, "--config", str(folder / "relay.toml")])


def _write(folder: Path, **more: object) -> None:
    changes: Mapping[str, object] = {
        f"{NEXT}.file": "next.p12",
        f"{NEXT}.password_file": "password",
        f"{PROBE}.get": "/acc/cov/whoami",
    }
    write_settings(folder, 8443, changes=dict(changes) | more)
    (folder / "next.p12").write_bytes(kit.other_system().p12(PASSWORD))


def test_an_order_names_the_next_certificate_that_it_is_about(tmp_path: Path) -> None:
    _write(tmp_path)
    file = OrdersFile(orders_of(tmp_path / "relay.state"))
    for verb, use in (("cutover", Generation.NEXT), ("rollback", Generation.CURRENT)):
        result = _command(tmp_path, "certificate", verb, "linde")
        assert result.exit_code == 0, result.output
        assert file.read() == {"linde": Order(use, kit.fingerprint(kit.other_system()))}
        assert f"linde shows its {use} certificate" in result.output


def test_an_order_that_cannot_be_obeyed_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    unknown = _command(tmp_path, "certificate", "rollback", "berk")
    assert (unknown.exit_code, "(there: linde)" in unknown.output) == (1, True)
    (tmp_path / "system.p12").write_bytes(kit.expired().p12(PASSWORD))
    nothing_left = _command(tmp_path, "certificate", "rollback", "linde")
    assert (nothing_left.exit_code, "expired" in nothing_left.output) == (1, True)
    early = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT + timedelta(days=5))
    (tmp_path / "next.p12").write_bytes(early.p12(PASSWORD))
    too_early = _command(tmp_path, "certificate", "cutover", "linde")
    assert (too_early.exit_code, "not valid before" in too_early.output) == (1, True)
    (tmp_path / "next.p12").unlink()
    assert "does not exist" in _command(tmp_path, "certificate", "cutover", "linde").output
    assert not orders_of(tmp_path / "relay.state").exists()


def test_without_a_next_certificate_there_is_nothing_to_order(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443)
    result = _command(tmp_path, "certificate", "rollback", "linde")
    assert (result.exit_code, "one certificate only" in result.output) == (1, True)


def test_a_check_tells_what_takes_over_and_when(tmp_path: Path) -> None:
    _write(tmp_path)
    output = _command(tmp_path, "check").output
    assert f"next certificate: {identify(kit.other_system().certificate).serial}" in output
    assert "takes over once GET /acc/cov/whoami succeeds under it" in output
    assert "shows the current one: no probe" in output
    assert "while its calls are held, GET /acc/cov/whoami tries whether they pass" in output
    (tmp_path / "next.p12").unlink()
    result = _command(tmp_path, "check")
    assert (result.exit_code, "is not there yet" in result.output) == (0, True)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({f"{PROBE}.get": "https://a.example/whoami"}, "path of a harmless call"),
        ({f"{PROBE}.get": "/acc/../cov"}, "path of a harmless call"),
        ({f"{PROBE}.get": "/elsewhere"}, "no route"),
        ({f"{PROBE}.is_alive": "/acc/cov"}, "either get or is_alive"),
        ({f"{NEXT}.password": "x"}, "either password_file or password"),
    ],
)
def test_what_contradicts_itself_is_a_fault(tmp_path: Path, more: dict[str, object], told: str) -> None:
    _write(tmp_path, **more)
    result = _command(tmp_path, "check")
    assert (result.exit_code, told in result.stderr) == (1, True), result.output


def test_a_next_certificate_that_never_takes_over_is_a_fault(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={f"{NEXT}.file": "next.p12", f"{NEXT}.password_file": "password"})
    result = _command(tmp_path, "check")
    assert (result.exit_code, "give next.at, probe, or both" in result.stderr) == (1, True)
