"""What has to be known of calls beyond the process that carries them."""

from typing import Final, Protocol

from relay.observe.exchange import Exchange


class Ledger(Protocol):
    """Where a call is entered before anything of it can reach the upstream. The journal hears of its end."""

    def begin(self, exchange: Exchange) -> None:
        """Take note that a call is given to the upstream's side."""
        ...


class _NoLedger:
    """For one process alone: what dies with it is known to nobody anyway."""

    def begin(self, exchange: Exchange) -> None:
        """Keep nothing."""


NO_LEDGER: Final[Ledger] = _NoLedger()
