"""Those who come by in the story: the Dynamics module, the contact person, and somebody who reads the metrics."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from relay.demo.stage import PATH, Stage
from relay.soap.question import ACTION
from relay.x509.bundle import Bundle, read_bundle
from relay.x509.context import client_context


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as its caller hears it."""

    status: int
    reason: str
    fields: dict[str, str]
    body: str

    @property
    def line(self) -> str:
        """The status as a person reads it."""
        return f"{self.status} {self.reason}"


class Visitor:
    """Calls the stage's four doors, each with what it takes to get in."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession) -> None:
        self._stage = stage
        self._session = session
        self._caller = client_context(None, trust=stage.rehearsal.authorities)
        self._contact_person = client_context(_contact_person(stage), trust=stage.rehearsal.authorities)

    async def ask(self) -> Heard:
        """Ask the insurance check through the relay, as a Dynamics module does."""
        body = await asyncio.to_thread((self._stage.folder / "question.xml").read_bytes)
        fields = {
            "X-Api-Key": self._stage.key,
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{ACTION}"',
        }
        return await self._call("POST", self._stage.relay + PATH, self._caller, fields, body)

    async def register(self) -> Heard:
        """Register the relay's egress address, as the contact person."""
        return await self._call("PUT", self._stage.address_url, self._contact_person, {}, None)

    async def metrics(self, *names: str) -> list[str]:
        """Return the lines of these metrics, the relay's and the gate's."""
        pages = [await self._call("GET", url, None, {}, None) for url in self._places()]
        lines = [line for page in pages for line in page.body.splitlines()]
        return [line for line in lines if line.startswith(names) and not line.endswith(" 0.0")]

    def _places(self) -> tuple[str, str]:
        return self._stage.relay_metrics, self._stage.gate_metrics

    async def _call(
        self, method: str, url: str, context: ssl.SSLContext | None, fields: dict[str, str], body: bytes | None
    ) -> Heard:
        async with self._session.request(method, url, ssl=context or True, headers=fields, data=body) as answer:
            return Heard(answer.status, answer.reason or "", dict(answer.headers), await answer.text())


@asynccontextmanager
async def visiting(stage: Stage) -> AsyncIterator[Visitor]:
    """Yield somebody who may call for as long as the block lasts."""
    timeout = aiohttp.ClientTimeout(total=20)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        yield Visitor(stage, session)


def _contact_person(stage: Stage) -> Bundle:
    file = stage.rehearsal.contact_person
    password = file.with_suffix(".password").read_text(encoding="utf-8").strip()
    return read_bundle(file.read_bytes(), password)
