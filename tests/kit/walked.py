"""`relay doctor` as a person runs it: the command itself, in a process of its own, and what it told."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Walked:
    """Its exit, how long it took, and what it told; `errors` is what stood on standard error, a traceback perhaps."""

    exit: int
    seconds: float
    findings: list[dict[str, Any]]
    errors: str

    def at(self, *states: str) -> list[dict[str, Any]]:
        """Return the findings in these states."""
        return [each for each in self.findings if each["state"] in states]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What has to be told of a fault: the step, words of cause and remedy, and who is written to.

    `letter` stands in the first of the letters, `when` in what it says of when to send it.
    """

    step: str
    what: str
    then: str
    readers: Sequence[str] = ()
    letter: str = ""
    when: str = ""

    def of(self, walked: Walked) -> None:
        """See that it was told, calmly, and nothing else that fails."""
        assert walked.errors == ""
        assert walked.exit == 1
        [found] = walked.at("failed")
        assert found["step"] == self.step
        assert self.what in found["what"]
        assert self.then in found["next"]
        assert self.then not in found["what"], "what to do is told once, where it is looked for"
        assert [each["reader"] for each in found["letters"]] == list(self.readers)
        if found["letters"]:
            assert self.letter in found["letters"][0]["text"]
            assert self.when in found["letters"][0]["only_if"]


async def doctor(folder: Path, *options: str, inside: Sequence[str] = (sys.executable,)) -> Walked:
    """Run it by the settings in the folder; `inside` is the command that runs Python, in a namespace perhaps."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *inside,
        *("-m", "relay", "doctor", "--config", str(folder / "relay.toml"), "--json", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT,
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    assert out, errors.decode()
    told = json.loads(out)
    assert told["good"] is (process.returncode == 0)
    return Walked(
        exit=process.returncode,
        seconds=time.monotonic() - began,
        findings=told["findings"],
        errors=errors.decode(),
    )
