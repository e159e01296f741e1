"""What the demo prints to paste is pasted here, into a real shell, with a real curl and a real SOAP client."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zeep
from requests import Session

from relay.demo.stage import PATH, Stage, set_stage
from relay.demo.story import tell
from relay.demo.visitor import visiting
from tests.kit.may_skip import needed

pytestmark = pytest.mark.slow


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path / "demo") as stage:
        yield stage


async def paste(line: str) -> tuple[str, str]:
    """Run a printed line; return the status line and the body."""
    needed("curl", found=shutil.which("curl") is not None)
    process = await asyncio.create_subprocess_shell(f"{line} -sS", stdout=-1, stderr=-1)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    head, _, body = out.decode().partition("\r\n\r\n")
    return head.splitlines()[0], body


async def refusals(stage: Stage) -> float:
    async with visiting(stage) as visitor:
        lines = await visitor.metrics("relay_upstream_refusals_total")
    return sum(float(line.split()[-1]) for line in lines if 'cause="address_or_blocked"' in line)


async def test_every_step_of_the_story_is_as_told(stage: Stage) -> None:
    async with visiting(stage) as visitor:
        steps = [step async for step in tell(visitor)]
    assert [step.differs for step in steps] == ["", "", "", ""]


async def test_settings_meant_for_others_do_not_reach_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_LISTEN__ADDRESS", "192.0.2.1")
    monkeypatch.setenv("REFERENCE_STRANGE", "1")
    async with set_stage(tmp_path / "demo") as stage:
        assert stage.relay.startswith("https://localhost:")


async def test_a_story_that_differs_is_said_to_differ_and_ends_there(stage: Stage) -> None:
    async with visiting(stage) as visitor:
        await visitor.register()
        steps = [step async for step in tell(visitor)]
    assert len(steps) == 1
    assert "'200 OK' instead of '403 Forbidden'" in steps[0].differs


async def test_the_printed_lines_do_what_they_say(stage: Stage) -> None:
    assert (await paste(stage.register_line("PUT")))[0] == "HTTP/1.1 201 Created"
    status, body = await paste(stage.call_line)
    assert status == "HTTP/1.1 200 OK"
    assert "VerzoekAkkoord" in body
    assert "999979668" in body
    assert await refusals(stage) == 0
    assert (await paste(stage.register_line("DELETE")))[0].startswith("HTTP/1.1 204")
    assert (await paste(stage.call_line))[0] == "HTTP/1.1 403 Forbidden"
    assert await refusals(stage) == 1


async def test_the_printed_line_with_another_key_is_refused_before_the_gate(stage: Stage) -> None:
    wrong = re.sub(r"rk_[a-z2-7]+_", "rk_aaaaaaaaaaaaaaaa_", stage.call_line)
    assert (await paste(wrong))[0] == "HTTP/1.1 401 Unauthorized"
    assert "passage" not in (stage.folder / "reference.log").read_text()


@pytest.mark.parametrize("version", ["soap11", "soap12"])
async def test_zeep_gets_the_same_answer_through_the_relay(stage: Stage, version: str) -> None:
    async with visiting(stage) as visitor:
        await visitor.register()
    result = await asyncio.to_thread(ask_with_zeep, stage, version)
    assert result.Resultaat == "VerzoekAkkoord"
    assert result.Zoekresultaten.Zoekresultaat[0].Resultaat == "Gevonden"


def ask_with_zeep(stage: Stage, version: str) -> Any:
    address = stage.relay + PATH.replace("soap11", version)
    today = re.search(r"Peildatum>([0-9-]+)<", (stage.folder / "question.xml").read_text())
    assert today
    with Session() as session:
        session.headers.update({"X-Api-Key": stage.key, "Connection": "close"})
        session.verify, session.trust_env = str(stage.rehearsal.authorities), False
        transport = zeep.Transport(session=session)  # type: ignore[no-untyped-call]  # zeep ships no types
        client = zeep.Client(f"{address}?wsdl", transport=transport)  # type: ignore[no-untyped-call]  # as above
        # The WSDL names the upstream; whoever goes through the relay gives its address, as in Visual Studio.
        binding = next(name for name in client.wsdl.bindings if name.endswith(version.capitalize()))
        service = client.create_service(binding, address)  # type: ignore[no-untyped-call]  # as above
        person = {"Volgnummer": 1, "Geboortedatum": "1962-03-15", "Peildatum": today[1], "Bsn": "999979668"}
        return service.Controleer(request={"Zoekopdrachten": {"Zoekopdracht": [person]}})
