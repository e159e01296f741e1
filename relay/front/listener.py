"""Listen for callers: sockets, TLS, and the drain that lets calls in progress end."""

import asyncio
import logging
import ssl
from typing import Final

from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from relay.errors import SettingsFault
from relay.front.adapter import AdaptedCall, Written
from relay.front.call import Handler
from relay.message.head import ResponseHead, response_octets
from relay.settings.places import listening_fault

# Entra tokens with groups in them pass 8 KiB.
_LONGEST_LINE: Final = 16 * 1024
_LONGEST_FIELD: Final = 32 * 1024
_KEEP_ALIVE: Final = 75.0
_LINGER: Final = 5.0

# Every fault of a call is answered and noted by the handler; what aiohttp would log besides quotes requests.
_SILENT: Final = logging.getLogger("relay.front.aiohttp")


class Connection(RequestHandler):
    """aiohttp's protocol for one caller, with the few things that it leaves to us."""

    def __init__(self, listener: "Listener", server: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=_KEEP_ALIVE,
            lingering_time=_LINGER,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_FIELD,
            auto_decompress=False,
            access_log=_SILENT,
            logger=_SILENT,
        )
        _SILENT.setLevel(logging.CRITICAL + 1)
        self._listener = listener
        self.current: AdaptedCall | None = None

    def data_received(self, data: bytes) -> None:
        """Tell the call in progress when the rest of its body does not parse; aiohttp would leave it waiting."""
        super().data_received(data)
        if self.current is not None and self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self.current.body.broken()

    def close(self) -> None:
        """Close: between two calls at once, otherwise after the call in progress.

        aiohttp leaves a connection between two calls open but deaf, so that the next call on it is never answered.
        """
        idle = self._waiter is not None or not self._request_count
        super().close()
        if idle and self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the call in progress that its caller left."""
        current, self.current = self.current, None
        super().connection_lost(exc)
        if current is not None:
            current.gone()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer octets that do not parse; aiohttp's own answer would echo them."""
        answer = self._listener.handler.malformed(request.remote or "")
        fields = (*answer.head.fields, (b"Connection", b"close"))
        if self.transport is not None:
            head = ResponseHead(answer.head.status, answer.head.reason, fields)
            self.transport.write(response_octets(head) + answer.body)
        return Written(keep_alive=False)


class Listener:
    """Accepts callers and hands their calls to a handler, until it is drained."""

    def __init__(self, handler: Handler, context: ssl.SSLContext, *, handshake_seconds: float) -> None:
        if HttpRequestParser is HttpRequestParserPy:
            fault = "aiohttp was installed without its C parser; install a wheel for this platform"
            raise SettingsFault([("aiohttp", fault)])
        self.handler = handler
        self.port = 0
        self._context = context
        self._handshake_seconds = handshake_seconds
        self._server: asyncio.Server | None = None
        self._http = web.Server(self._serve)
        self._draining = False
        self.in_progress = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def __repr__(self) -> str:
        state = "draining" if self._draining else "accepting"
        return f"<Listener on port {self.port} {state}, {self.in_progress} calls>"

    async def listen(self, address: str, port: int) -> None:
        """Start accepting. Raises SettingsFault when the place cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self, self._http, loop),
                address,
                port,
                ssl=self._context,
                ssl_handshake_timeout=self._handshake_seconds,
                backlog=4096,
            )
        except OSError as error:
            raise SettingsFault([("listen", listening_fault(address, port, error))]) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, let calls in progress end, close the rest. Returns whether all ended in time."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        # Closes connections between two calls at once, and each other one after the call in progress.
        self._http.pre_shutdown()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            pass
        ended = self._quiet.is_set()
        await self._http.shutdown(timeout=1)
        return ended

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = AdaptedCall(request, closing=lambda: self._draining)
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101  # `listen` makes no others
        connection.current = call
        self.in_progress += 1
        self._quiet.clear()
        try:
            await self.handler.handle(call)
        finally:
            connection.current = None
            self.in_progress -= 1
            if not self.in_progress:
                self._quiet.set()
        return call.ended()
