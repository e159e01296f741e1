"""Have faults happen to calls at the gate; and the operator's port, where they are ordered. In rehearsals alone."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger

from relay.enforcer.faults import Due, Fault, Faults, Kind, TooMany
from relay.enforcer.places import Family
from relay.registry.domain.identifiers import UserNumber

PATH: Final = "/faults"

# As Azure API Management words it; that VECOZO's says this is a guess.
_QUOTA: Final = b'{"statusCode":429,"message":"Quota exceeded."}'


class Staging:
    """Faults that are ordered, and what becomes of the calls that meet them."""

    def __init__(
        self, *, block: Callable[[str], object], log: FilteringBoundLogger, registry: CollectorRegistry
    ) -> None:
        """`block` lets the certificates under a user number through nowhere, until Support lifts it."""
        self._faults: Final = Faults()
        self._block: Final = block
        self._log: Final = log
        self._counts: Final = Counter(
            "gate_faults", "Calls that met a fault which was ordered for them.", ["kind"], registry=registry
        )
        for kind in Kind:
            self._counts.labels(kind)

    def __repr__(self) -> str:
        return f"<Staging {self._faults!r}>"

    def order(self, fault: Fault) -> None:
        """Have a fault wait for calls. Raises TooMany."""
        self._faults.order(fault)

    def meets(self, routes: Family | None) -> Due | None:
        """Return the fault that a call meets on these routes; each call uses one up."""
        due = self._faults.meet(routes)
        if due is not None:
            self._counts.labels(due.fault.kind).inc()
            self._log.warning("fault", kind=due.fault.kind, routes=due.fault.routes, last=due.last)
        return due

    async def happen(
        self, due: Due, request: web.Request, handler: Handler, *, caller: UserNumber | None
    ) -> web.StreamResponse:
        """Answer a call that met a fault; `caller` is whose certificate it came with."""
        fault = due.fault
        match fault.kind:
            case Kind.QUOTA:
                if due.last and caller is not None:
                    await asyncio.to_thread(self._block, caller)
                return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, body=_QUOTA, content_type="application/json")
            case Kind.STATUS:
                return web.Response(status=fault.status)
            case Kind.PHRASE:
                return web.Response(status=HTTPStatus.FORBIDDEN, reason=fault.phrase)
            case Kind.SLOW:
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            case Kind.CLOSE:
                _close_after(request, fault.octets)
                return await handler(request)

    def routes(self) -> list[web.RouteDef]:
        """Return where faults are ordered (POST, JSON), told (GET) and taken back (DELETE)."""
        return [
            web.get(PATH, self._tell, allow_head=False),
            web.post(PATH, self._order),
            web.delete(PATH, self._take_back),
        ]

    async def _tell(self, _request: web.Request) -> web.Response:
        told = [fault.model_dump(mode="json") | {"left": left} for fault, left in self._faults.waiting()]
        return _json(HTTPStatus.OK, {"faults": told})

    async def _order(self, request: web.Request) -> web.Response:
        # A page in a browser can send any other type to a port that it should not know.
        if request.content_type != "application/json":
            return _json(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"wrong": ["a fault is ordered in application/json"]})
        try:
            fault = Fault.model_validate_json(await request.read())
            self.order(fault)
        except ValidationError as error:
            return _json(HTTPStatus.BAD_REQUEST, {"wrong": [_told(each) for each in error.errors(include_input=False)]})
        except TooMany:
            return _json(HTTPStatus.CONFLICT, {"wrong": ["too many faults wait: take them back, or let calls come"]})
        return _json(HTTPStatus.CREATED, fault.model_dump(mode="json"))

    async def _take_back(self, _request: web.Request) -> web.Response:
        self._faults.take_back()
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _told(error: Any) -> str:
    return f"{'.'.join(map(str, error['loc'])) or 'the body'}: {error['msg']}"


def _json(status: HTTPStatus, told: object) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(told),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


class _CutOff:
    """A transport that closes after so many octets, whatever it is given to write."""

    def __init__(self, transport: asyncio.Transport, octets: int) -> None:
        self._transport = transport
        self._left = octets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        part = bytes(data[: self._left])
        self._left -= len(part)
        if part:
            self._transport.write(part)
        if not self._left:
            self._transport.close()

    def writelines(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))


def _close_after(request: web.Request, octets: int) -> None:
    """Have the connection close after so many octets of the answer."""
    transport = request.transport
    if transport is not None:
        # The protocol writes by this alone, whatever the answer is made of.
        request.protocol.transport = cast("asyncio.Transport", _CutOff(transport, octets))
