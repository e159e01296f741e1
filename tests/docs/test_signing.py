"""What the docs say of signatures and tokens: the script signs a call that passes, the tables have each fault."""

import asyncio
import os
import re
import sys
import time
from base64 import b64encode
from enum import StrEnum
from pathlib import Path

import pytest

from relay.auth.signature import SignatureFault
from relay.auth.token import Fault
from tests.kit import upstream as up
from tests.kit.relay import PATH, relay

_PAGE = Path(__file__).parents[2] / "docs" / "callers.md"


async def test_the_script_of_the_page_signs_a_call_that_passes(tmp_path: Path) -> None:
    [script] = [each for each in re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL) if "hmac" in each]
    (tmp_path / "sign.py").write_text(script)
    (tmp_path / "question.xml").write_text("<question/>")
    (tmp_path / "plug-in.secret").write_bytes(b64encode(os.urandom(32)) + b"\n")
    keys = [{"id": "plug-in-2026", "secret_file": "plug-in.secret"}]
    changes = {"clients.plug-in": {"tenants": ["linde"], "signature_keys": keys}}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        # What was signed in the second of the start cannot be told from what was signed before it.
        await asyncio.sleep(1 - time.time() % 1)
        words = [f"https://localhost:{here.port}{PATH}", "plug-in-2026", "plug-in.secret", "question.xml"]
        run = await asyncio.create_subprocess_exec(
            sys.executable,
            "sign.py",
            *words,
            cwd=tmp_path,
            env={"SSL_CERT_FILE": str(tmp_path / "trust.pem")},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await run.communicate()
        assert out == b"200 <a/>\n"
        assert [each.body for each in upstream.requests] == [b"<question/>"]
        assert b'\r\nsoapaction: "http://schemas.vecozo.nl/' in upstream.requests[0].head.lower()


@pytest.mark.parametrize(("section", "faults"), [("Signatures", SignatureFault), ("Tokens of Entra ID", Fault)])
def test_every_fault_that_the_metrics_tell_is_explained(section: str, faults: type[StrEnum]) -> None:
    _, text = _PAGE.read_text().split(f"## {section}\n")
    rows = re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.MULTILINE)
    assert sorted(word for row in rows for word in re.findall(r"`(\w+)`", row)) == sorted(faults)
