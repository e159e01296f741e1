"""One answer of the upstream while it comes in: head first, body piece by piece, a cut never taken for an end."""

from typing import TYPE_CHECKING, Final

from relay.errors import UpstreamInvalid, UpstreamTimeout
from relay.message.framing import UNTIL_CLOSE, Length, response_framing
from relay.message.head import ResponseHead
from relay.message.hops import asks_to_close
from relay.message.scanner import scan_response
from relay.message.stream import Stream
from relay.message.unframe import Unframer, unframer
from relay.upstream.passage import Passage

if TYPE_CHECKING:
    from relay.upstream.connection import Connection

LONGEST_HEAD: Final = 128 * 1024
_MOST_INTERIMS: Final = 20
_BEGINNING: Final = b"HTTP/"


class Reply:
    """Reads the answer to one call off its connection. Interim answers (1xx) are consumed here."""

    def __init__(self, connection: "Connection", passage: Passage) -> None:
        self._connection = connection
        self._passage = passage
        self.begun = False
        self.stream: Stream | None = None
        self._unframer: Unframer | None = None
        self._buffer = b""
        self._interims = 0
        self._reusable = False

    def __repr__(self) -> str:
        return f"<Reply {'begun' if self.begun else 'awaited'}, {len(self._buffer)} octets waiting>"

    def feed(self, octets: bytes) -> None:
        """Take octets as they came from the upstream."""
        try:
            if self._unframer is not None:
                self._take_body(self._unframer, octets)
            else:
                self._take_head(self._buffer + octets if self._buffer else octets)
        except UpstreamInvalid as fault:
            self._connection.fail(fault)

    def end_cleanly(self) -> None:
        """Take close_notify: an answer that ends with its connection is complete."""
        if self._unframer is not None and self._passage.answer_framing is UNTIL_CLOSE:
            self._finish()

    def late(self, seconds: float) -> None:
        """Take that the head did not come in time."""
        self._connection.fail(UpstreamTimeout(f"no answer within {seconds:g} seconds"))

    # -- inside ----------------------------------------------------------------------------------------------

    def _take_head(self, octets: bytes) -> None:
        """Take the head, if it is all there, and what follows it. Raises UpstreamInvalid."""
        while (end := octets.find(b"\r\n\r\n")) >= 0:
            head, minor = scan_response(octets[: end + 2])
            octets = octets[end + 4 :]
            if head.status >= 200:
                self._take_final(head, minor, octets)
                return
            self._interims += 1
            if head.status == 101:
                raise UpstreamInvalid("the upstream switched protocols without being asked")
            if self._interims > _MOST_INTERIMS:
                raise UpstreamInvalid("there is no end to the upstream's interim answers")
        if not octets.startswith(_BEGINNING[: len(octets)]):
            raise UpstreamInvalid("the upstream's answer does not begin as HTTP")
        if len(octets) > LONGEST_HEAD:
            raise UpstreamInvalid("the upstream's answer has no end to its head")
        self._buffer = octets

    def _take_final(self, head: ResponseHead, minor: int, octets: bytes) -> None:
        passage, connection = self._passage, self._connection
        framing = response_framing(passage.method, head.status, head.fields)
        reusable = minor == 1 and framing is not UNTIL_CLOSE and not asks_to_close(head.fields)
        passage.answer, passage.answer_framing = head, framing
        if isinstance(framing, Length) and len(octets) >= framing.octets:
            # Most answers are here whole with their heads. What is beyond their end is nobody's.
            size = framing.octets
            passage.answer_octets = octets[:size]
            connection.finish(reusable=reusable and len(octets) == size)
            passage.answered()
            return
        self.begun = True
        self._reusable = reusable
        reader = self._unframer = unframer(framing, UpstreamInvalid)
        passage.answer_octets = reader.feed(octets)
        if reader.ended:
            connection.finish(reusable=reusable and not reader.rest)
        else:
            connection.head_came(head.status)
            self.stream = passage.answer_rest = Stream(connection.hold)
        passage.answered()

    def _take_body(self, reader: Unframer, octets: bytes) -> None:
        """Take body octets. Raises UpstreamInvalid."""
        data = reader.feed(octets)
        if data and self.stream is not None:
            self.stream.put(data)
        if reader.ended:
            self._reusable = self._reusable and not reader.rest
            self._finish()

    def _finish(self) -> None:
        self._connection.finish(reusable=self._reusable)
        if self.stream is not None:
            self.stream.end()
