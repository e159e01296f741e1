"""The relay's job as most would write it with FastAPI, uvicorn and httpx. Arguments: port, upstream's port, key."""

import ssl
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from hmac import compare_digest

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

_NOT_PASSED_ON = {"host", "x-api-key", "connection", "keep-alive", "transfer-encoding", "content-length"}


def _app(upstream: str, key: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context = ssl.create_default_context(cafile="certs/ca.pem")
        context.load_cert_chain("certs/client.crt", "certs/client.key")
        # Kept as long as the others keep theirs: the fronts are measured in turn.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=50)
        transport = httpx.AsyncHTTPTransport(verify=context, local_address="127.0.0.9", limits=limits)
        async with httpx.AsyncClient(transport=transport, base_url=upstream, timeout=60) as client:
            app.state.client = client
            yield

    async def relay(request: Request) -> Response:
        if not compare_digest(request.headers.get("X-Api-Key", ""), key):
            raise HTTPException(401)
        answer = await request.app.state.client.request(
            request.method,
            request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            headers=_passed_on(request.headers.items()),
            content=await request.body(),
        )
        return Response(answer.content, answer.status_code, dict(_passed_on(answer.headers.items())))

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_api_route("/{path:path}", relay, methods=["GET", "POST", "PUT", "DELETE"])
    return app


def _passed_on(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in fields if name.lower() not in _NOT_PASSED_ON]


def main() -> None:
    """Serve until told to stop."""
    port, upstream, key = sys.argv[1:]
    uvicorn.run(
        _app(f"https://localhost:{upstream}", key),
        host="127.0.0.1",
        port=int(port),
        ssl_certfile="certs/server.crt",
        ssl_keyfile="certs/server.key",
    )


main()
