"""One TLS connection over a plain transport: handshake, records, and an end that is told from a cut.

A loop's own TLS would do, at a price. It asks OpenSSL for a record more than there is each time, and the refusal is
an exception; it keeps a buffer for each connection; plain asyncio's cannot tell close_notify from a cut; and
neither lets anything stand before the handshake, as PROXY protocol does. RFC 8446 sections 4.6 and 6.1.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

from relay.tls.departures import Departures

# Octets. One record holds at most 2**14; what is given to OpenSSL at once stays in its buffers until the end.
_RECORD: Final = 16 * 1024
_SLICE: Final = 64 * 1024


class Channel(asyncio.Protocol):
    """Speaks TLS below a protocol, and is the transport of that protocol.

    The protocol gets `connection_made` after the handshake, with this channel; `eof_received` for the other side's
    close_notify alone, the one proof that nothing was cut off; `connection_lost` in any case, with what TLS said.
    """

    __slots__ = (
        "_departures", "_ended", "_incoming", "_outgoing", "_protocol", "_read", "_shaken", "_shaking", "_ssl",
        "_transport", "_unwritten", "_write", "between_records",
    )  # fmt: skip

    def __init__(
        self,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        departures: Departures,
        *,
        server_name: str | None = None,
        shaken: Callable[["Channel", BaseException | None], object],
    ) -> None:
        """Make the side that calls `server_name`, or the serving side where there is none.

        `shaken` hears once that the handshake is over: well, or how it failed.
        """
        self._protocol = protocol
        self._departures = departures
        self._shaken = shaken
        self._shaking = True
        self._ended = False
        self._transport: asyncio.Transport | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        # What SSLObject's own do, without the interpreter's part in it, where this Python has that.
        plain = getattr(self._ssl, "_sslobj", self._ssl)
        self._read: Callable[[int], bytes] = plain.read
        self._write: Callable[[bytes], int] = plain.write
        self._unwritten: list[bytes] = []
        # False while a part of a record is here that nothing shows: neither the socket nor the protocol.
        self.between_records = True

    def __repr__(self) -> str:
        state = "closed" if self.is_closing() else "shaking hands" if self._shaking else "open"
        return f"<Channel {self._ssl.version() or 'TLS'} {state}>"

    # -- the plain transport's side --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the plain transport; the calling side begins the handshake."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        if not self._ssl.server_side:
            self._shake()

    def data_received(self, data: bytes) -> None:
        """Take octets as they came and hand on what they hold."""
        if len(data) <= _SLICE:
            self._take(data)
            return
        for start in range(0, len(data), _SLICE):
            self._take(data[start : start + _SLICE])

    def eof_received(self) -> bool:
        """The plain connection ended; without a close_notify before, that proves nothing."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the protocol, or whoever waits for the handshake."""
        if isinstance(exc, ConnectionError):
            self._take_last_words()
        self._transport = None
        if self._shaking:
            self._fail(exc or ConnectionResetError("the connection ended during the handshake"))
        elif not self._ended:
            self._ended = True
            self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side takes no more for now."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The other side takes octets again."""
        self._protocol.resume_writing()

    # -- the protocol's side: what it uses of a transport ----------------------------------------------------

    def write(self, octets: bytes) -> None:
        """Send `octets`, at least one, at the end of this turn of the loop or before it."""
        if len(octets) <= _SLICE:
            self._send(octets)
            return
        for start in range(0, len(octets), _SLICE):
            self._send(octets[start : start + _SLICE])

    def close(self) -> None:
        """Send what is still to be sent and a close_notify, then close."""
        if self._transport is None or self._transport.is_closing():
            return
        # It would wait for the other side's close_notify, and we do not; or TLS has failed already.
        with suppress(ssl.SSLError):
            self._ssl.unwrap()
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Break the connection off: no close_notify, so that nothing cut looks complete."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def agreed(self) -> bool:
        """Whether version and suite are settled: a handshake that came so far has certificates next."""
        return self._ssl.cipher() is not None

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport is None or self._transport.is_closing()

    def pause_reading(self) -> None:
        """Hold the other side back. What has been read from the socket already still comes."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Let the other side go on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def get_extra_info(self, name: str) -> Any:  # asyncio's own type for it
        """Return what the plain transport knows, or "ssl_object"."""
        if name == "ssl_object":
            return self._ssl
        return self._transport.get_extra_info(name) if self._transport is not None else None

    def depart(self) -> None:
        """Send what was written in this turn of the loop."""
        self._flush()

    # -- inside ----------------------------------------------------------------------------------------------

    def _take_last_words(self) -> None:
        """Read what the other side said before it closed: a write that fails ends a connection with that unread.

        It may be the alert that says why, or the answer to what it would not read to its end.
        """
        if self._transport is None or self._ended:
            return
        socket = self._transport.get_extra_info("socket")
        with suppress(OSError):
            while octets := os.read(socket.fileno(), _SLICE):
                self._take(octets)

    def _take(self, data: bytes) -> None:
        incoming = self._incoming
        incoming.write(data)
        if self._shaking and not self._shake():
            return
        octets = b""
        ended = False
        withheld = self._outgoing.pending
        try:
            # Asked for only what is there: OpenSSL takes no octet of the next record, so none pending is none left.
            # And room made for only so much: what is left of a whole record's room is dear to give back.
            while (pending := incoming.pending) and not ended:
                piece = self._read(min(pending, _RECORD) if self.between_records else _RECORD)
                self.between_records = True
                ended = not piece
                octets = octets + piece if octets else piece
        except ssl.SSLWantReadError:
            self.between_records = False
        except ssl.SSLError as error:
            self._lose(error)
            return
        if self._outgoing.pending != withheld or self._unwritten:
            self._answer()
        if octets:
            self._protocol.data_received(octets)
        if ended and not self._ended:
            self._protocol.eof_received()
            self.close()

    def _shake(self) -> bool:
        """Go on with the handshake; return whether it is over, and well."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, ValueError) as error:  # ValueError: a name that is none
            self._flush()  # the alert that tells them why
            self._fail(error)
            return False
        self._shaking = False
        if not (self._ssl.server_side and self._ssl.version() == "TLSv1.3"):
            self._flush()
        # A 1.3 server owes nothing but session tickets: they leave with the first answer, in one packet less.
        self._shaken(self, None)
        self._protocol.connection_made(cast("asyncio.Transport", self))
        return True

    def _fail(self, error: BaseException) -> None:
        """The handshake failed: the protocol never hears of this connection."""
        if not self._ended:
            self._ended = True
            self._shaking = False
            self._shaken(self, error)
            if self._transport is not None:
                self._transport.close()

    def _lose(self, error: ssl.SSLError) -> None:
        """TLS broke: nothing that follows can be believed."""
        self._flush()
        if not self._ended:
            self._ended = True
            self._protocol.connection_lost(error)
        if self._transport is not None:
            self._transport.close()

    def _send(self, octets: bytes) -> None:
        if self._unwritten:
            self._unwritten.append(octets)
            return
        try:
            self._write(octets)
        except ssl.SSLWantReadError:
            # The other side is renegotiating (TLS 1.2), and OpenSSL wants these very octets again after that.
            self._unwritten.append(octets)
        except ssl.SSLError:
            self.abort()
            return
        if self._outgoing.pending > _SLICE:
            self._flush()  # a body on its way is held back by how much of it the transport has, so that has to know
        else:
            self._departures.add(self)

    def _answer(self) -> None:
        """Send what TLS itself has to say, and what had to wait for the end of a renegotiation."""
        waiting, self._unwritten = self._unwritten, []
        for octets in waiting:
            self._send(octets)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())
