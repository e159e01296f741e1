"""Callers that call all the time, each over a line of its own; run in the cloud's namespace.

`python -m tests.e2e.callers FOLDER KEY TENANT...` ends when there is a file `enough` in the folder. Then it prints each
answer, by tenant, as JSON: when it came, and its status with its cause.
"""

import asyncio
import json
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path

from relay.soap.question import ACTION
from tests.kit.line import Answer, CutOff, line, request

# For each tenant.
CALLERS = 6
_PATH = "/tst/cov/vz801802/v1/soap11"


async def call_all_the_time(folder: Path, key: str, tenant: str) -> list[tuple[float, str]]:
    """Call until it is enough; return when each answer came, and of which kind it is."""
    context = ssl.create_default_context(cafile=str(folder / "rehearsal" / "authorities.pem"))
    octets = request(
        "POST",
        _PATH,
        ("X-Api-Key", key),
        ("X-Relay-Tenant", tenant),
        ("Content-Type", "text/xml; charset=utf-8"),
        ("SOAPAction", ACTION),
        body=(folder / "question.xml").read_bytes(),
        host="20.0.0.1:8443",
    )
    answers: list[tuple[float, str]] = []
    enough = folder / "enough"

    async def caller() -> None:
        while not enough.exists():
            with suppress(CutOff, OSError):
                async with line(8443, context, host="20.0.0.1", name="20.0.0.1") as own:
                    while not enough.exists():
                        answer = await (await own.send(octets)).answer()
                        answers.append((time.time(), _kind(answer)))
                        if answer.status == 503:
                            await asyncio.sleep(0.05)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return sorted(answers)


def _kind(answer: Answer) -> str:
    return f"{answer.status} {answer.field('x-relay-cause') or ''}".strip()


async def main(folder: Path, key: str, tenants: list[str]) -> None:
    answers = await asyncio.gather(*(call_all_the_time(folder, key, tenant) for tenant in tenants))
    print(json.dumps(dict(zip(tenants, answers, strict=True))))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
