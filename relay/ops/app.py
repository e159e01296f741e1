"""The operator's port as an aiohttp application. It shows counts, readiness and who may call: no secrets."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from relay.observe.history import History


@dataclass(slots=True)
class Readiness:
    """Whether new calls are welcome; `why` says why not. A hindrance comes and goes on its own."""

    welcome: bool = False
    reason: str = "starting"
    hindrance: str = ""

    @property
    def ready(self) -> bool:
        """Whether they are."""
        return self.welcome and not self.hindrance

    @property
    def why(self) -> str:
        """Why they are not."""
        return self.reason or self.hindrance

    def on(self) -> None:
        """Welcome new calls."""
        self.welcome, self.reason = True, ""

    def off(self, why: str) -> None:
        """Ask for no more calls."""
        self.welcome, self.reason = False, why

    def hinder(self, why: str) -> None:
        """Ask for no calls as long as this stands in the way; empty when nothing does any more."""
        self.hindrance = why


async def _nothing() -> None:
    """What has to be gathered where one process knows it all."""


def make_app(
    readiness: Readiness,
    registry: CollectorRegistry,
    *,
    gather: Callable[[], Awaitable[None]] = _nothing,
    history: History | None = None,
    clients: Callable[[], dict[str, object]] | None = None,
) -> web.Application:
    """Return the application with `/healthz`, `/readyz`, `/metrics`; and `/history` and `/clients` where given.

    `gather` is awaited before each look at what all processes counted and remember.
    """

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(request: web.Request) -> web.Response:
        if readiness.ready:
            return web.Response(text="ready\n")
        return web.Response(status=503, text=f"not ready: {readiness.why}\n")

    async def metrics(request: web.Request) -> web.Response:
        await gather()
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": content_type})

    async def refusals(request: web.Request) -> web.Response:
        await gather()
        body = orjson.dumps({"refusals": history.latest() if history else []}, option=orjson.OPT_UTC_Z)
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    async def known(request: web.Request) -> web.Response:
        await gather()
        body = orjson.dumps(clients() if clients else {})
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/readyz", ready), web.get("/metrics", metrics)])
    if history is not None:
        app.add_routes([web.get("/history", refusals)])
    if clients is not None:
        app.add_routes([web.get("/clients", known)])
    return app
