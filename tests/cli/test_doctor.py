"""`relay doctor`: 0 when nothing is broken and 1 otherwise; for people, as JSON, and as a page for security."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from tests.doctor.test_walk import CARD, gate
from tests.kit import upstream
from tests.kit.relay import PASSWORD, write_settings

pytestmark = pytest.mark.slow

REPORTED = (
    "Towards callers the relay asks for no certificate",
    "| relay | settings |",
    "| callers | server certificate |",
)


def _doctor(folder: Path, *options: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "200"})
    return runner.invoke(main, ["doctor", "--config", str(folder / "relay.toml"), *options])


async def test_a_whole_walk_in_a_process_of_its_own_ends_with_0_and_writes_the_page(tmp_path: Path) -> None:
    async with gate() as here:
        key = write_settings(tmp_path, here.port, changes=CARD)
        command = [sys.executable, "-m", "relay", "doctor", "--config", str(tmp_path / "relay.toml"), "--json"]
        options = ["--witness", f"https://localhost:{here.port}/whoami", "--report", str(tmp_path / "report.md")]
        done = await asyncio.to_thread(
            subprocess.run, [*command, *options], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert told["good"] is True
    assert {"TLS", "address registered", "one harmless call"} <= {each["step"] for each in told["findings"]}
    page = (tmp_path / "report.md").read_text()
    for words in (
        "sees 127.0.0.9, as configured",
        "TLSv1.3",
        "| dynamics | linde | API key (1) |",
        "days left",
        *REPORTED,
    ):
        assert words in page
    for secret in (PASSWORD, key.text, key.digest, key.id, "999979668"):
        assert secret not in page + done.stdout


def test_a_broken_road_ends_with_1_the_next_thing_to_do_and_the_letter_to_send(tmp_path: Path) -> None:
    write_settings(tmp_path, 1, changes=CARD)
    (tmp_path / "password").write_text("another")
    result = _doctor(tmp_path)
    assert result.exit_code == 1
    assert "✘ system certificate [linde]: tenants.linde.certificate.file" in result.output
    assert "Ready to send to Anna Voorbeeld <anna@delinde.example>" in result.output
    assert "Beste Anna Voorbeeld," in result.output
    assert result.output.rstrip().splitlines()[-1].startswith("Broken at: system certificate.")


def test_settings_that_cannot_be_read_are_where_the_road_breaks(tmp_path: Path) -> None:
    write_settings(tmp_path, 1, changes={"tenants.linde.card.agb_code": "123"})
    result = _doctor(tmp_path, "--json")
    [finding] = json.loads(result.output)["findings"]
    assert (result.exit_code, finding["step"]) == (1, "settings")
    assert "tenants.linde.card.agb_code: an AGB code has 8 digits" in finding["what"]
    assert finding["next"]


def test_a_vault_that_cannot_be_asked_sends_to_what_a_vault_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    kept = {"azure_secret": "https://my-vault.vault.azure.net/secrets/vecozo"}
    write_settings(tmp_path, 1, changes={"tenants.linde.certificate": kept})
    result = _doctor(tmp_path, "--no-call")
    assert "which comes with relay's extra azure" in result.output
    assert result.output.rstrip().endswith("docs/certificates.md says what that takes.")


def test_a_witness_is_asked_over_tls_only(tmp_path: Path) -> None:
    write_settings(tmp_path, 1)
    result = _doctor(tmp_path, "--witness", "http://127.0.0.1/")
    assert result.exit_code == 2
    assert "https://" in result.output


async def test_what_a_server_says_steers_neither_the_terminal_nor_the_page(tmp_path: Path) -> None:
    says = b"HTTP/1.1 403 \xc2\x9b2J <img src=x> ![y](https://elders.example/y)\r\nContent-Length: 0\r\n\r\n"
    async with upstream.running(upstream.answering(says)) as there:
        write_settings(tmp_path, there.port, changes=CARD)
        words = await asyncio.to_thread(_doctor, tmp_path, "--report", str(tmp_path / "report.md"))
        told = await asyncio.to_thread(_doctor, tmp_path, "--json")
    assert "<img src=x> ![y](https://elders.example/y)" in words.output
    for output in (words.output, told.output):
        assert all(sign.isprintable() or sign == "\n" for sign in output)
    page = (tmp_path / "report.md").read_text()
    assert "&lt;img src=x> !\\[y](https://elders.example/y)" in page
    assert "<img" not in page
