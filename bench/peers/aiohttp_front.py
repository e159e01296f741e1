"""The relay's job as most would write it with aiohttp, on asyncio. Arguments: port, upstream's port, key."""

import logging
import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from hmac import compare_digest

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict

_NOT_PASSED_ON = {"host", "x-api-key", "connection", "keep-alive", "transfer-encoding", "content-length"}
_SESSION = web.AppKey("session", ClientSession)
_UPSTREAM = web.AppKey("upstream", str)
_KEY = web.AppKey("key", str)


async def _relay(request: web.Request) -> web.Response:
    if not compare_digest(request.headers.get("X-Api-Key", ""), request.app[_KEY]):
        raise web.HTTPUnauthorized
    async with request.app[_SESSION].request(
        request.method,
        request.app[_UPSTREAM] + request.path_qs,
        headers=_passed_on(request.headers.items()),
        data=await request.read(),
    ) as answer:
        body = await answer.read()
    return web.Response(status=answer.status, headers=_passed_on(answer.headers.items()), body=body)


def _passed_on(fields: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in fields if name.lower() not in _NOT_PASSED_ON)


async def _session(app: web.Application) -> AsyncIterator[None]:
    context = ssl.create_default_context(cafile="certs/ca.pem")
    context.load_cert_chain("certs/client.crt", "certs/client.key")
    connector = TCPConnector(ssl=context, local_addr=("127.0.0.9", 0), limit=0, keepalive_timeout=50)
    async with ClientSession(connector=connector, timeout=ClientTimeout(total=60)) as session:
        app[_SESSION] = session
        yield


def main() -> None:
    """Serve until told to stop."""
    port, upstream, key = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[_UPSTREAM], app[_KEY] = f"https://localhost:{upstream}", key
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", _relay)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("certs/server.crt", "certs/server.key")
    web.run_app(app, host="127.0.0.1", port=int(port), ssl_context=context, print=None, backlog=4096)


main()
