"""Looking up a name without being held up by it."""

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from relay.doctor.itinerary import Place


async def addresses_of(place: Place, seconds: float) -> list[str]:
    """Return the IPv4 addresses of a host. Raises OSError, and TimeoutError after so many seconds.

    A name server that is silent holds up the C library far longer, and the loop's own threads hold up the end of the
    process with it: this thread does not.
    """
    loop = asyncio.get_running_loop()
    coming: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str], error: OSError | None) -> None:
        if not coming.done():
            coming.set_exception(error) if error else coming.set_result(found)

    def look() -> None:
        found, fault = list[str](), None
        try:
            entries = socket.getaddrinfo(*place, family=socket.AF_INET, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except OSError as error:
            fault = error
        except UnicodeError:  # a label of no letters, or of too many
            fault = socket.gaierror(socket.EAI_NONAME, "this cannot be a name")
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(tell, found, fault)

    Thread(target=look, daemon=True).start()
    async with asyncio.timeout(seconds):
        return await coming
