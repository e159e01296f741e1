"""A body on its way: read piece by piece, in either direction, with the sender held back while nobody reads."""

from typing import Protocol


class Body(Protocol):
    """The octets of one message body, without transfer coding."""

    @property
    def ended(self) -> bool:
        """Whether all of it has arrived and been read."""
        ...

    def ready(self) -> bytes:
        """Return what has arrived already, possibly nothing, without waiting."""
        ...

    async def read(self) -> bytes:
        """Return the next octets; nothing means the end. Raises when the rest cannot come."""
        ...
