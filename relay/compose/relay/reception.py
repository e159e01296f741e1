"""How callers are received: under which certificate and ticket keys, and what is told of those turned away."""

import time
from typing import Final

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust
from relay.compose.relay.build import Built
from relay.compose.relay.callers import BuiltCallers, Callers
from relay.front.caps import Full
from relay.front.certificate import ServerCertificate
from relay.front.listener import Listener
from relay.front.proxy_header import Reason
from relay.observe.metrics import Metrics
from relay.observe.seldom import Seldom
from relay.x509.openssl import OpenSSLOutOfReach
from relay.x509.tickets import use_ticket_keys

# Anybody can connect as often as they like: the first of each reason is told, and then one in so many seconds.
_TELL_EVERY: Final = 60.0


class TurnedAway:
    """Tells log and metrics of callers that were turned away: each in the metrics, few in the log."""

    def __init__(self, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._logger = logger
        self._metrics = metrics
        self._seldom = Seldom(_TELL_EVERY, time.monotonic)

    def turned_away(self, peer: str, reason: Full | Reason) -> None:
        """Count a caller, and tell of it if none was told of lately; `times` counts those since."""
        capped = isinstance(reason, Full)
        self._metrics.caller_refused(reason.value if capped else "proxy_header")
        if times := self._seldom.times(reason):
            event = "caller_refused" if capped else "proxy_header_refused"
            self._logger.warning(event, peer=peer, reason=reason.value, times=times)


class Reception:
    """Has the listener show the certificate in force, and seal session tickets under the keys in force.

    `callers` are judged by their clients and certificates in force.
    """

    def __init__(
        self,
        listener: Listener,
        built: Built,
        logger: FilteringBoundLogger,
        callers: Callers,
    ) -> None:
        self._callers = callers
        self._listener = listener
        self._built = built
        self._logger = logger
        self._keys = built.listener.ticket_keys
        self._out_of_reach = False
        self.rotate(self._keys)

    def __repr__(self) -> str:
        return f"<Reception by {self._listener}>"

    def rotate(self, keys: bytes) -> None:
        """Seal tickets under `keys` from now on. Workers that are given the same resume each other's sessions."""
        self._keys = keys
        self._seal()

    def use(self, certificate: ServerCertificate) -> None:
        """Show `certificate` to those who come from now on; those who are here go on under theirs."""
        self._listener.use(certificate.context)
        self._seal()  # callers resume as if nothing had happened
        if not self._built.settings.listen.names:
            self._built.hosts.use(certificate.names)

    def trust(self, trust: ClientTrust) -> None:
        """Judge callers' certificates by these authorities and revocations, from the next call on."""
        self._callers.trust(trust)

    def admit(self, callers: BuiltCallers) -> None:
        """Know these clients from the next call on."""
        self._callers.use(callers)

    def _seal(self) -> None:
        try:
            use_ticket_keys(self._listener.context, self._keys)
        except OpenSSLOutOfReach as error:
            # Every context then has keys of its own: callers shake hands in full after a reload, and on other workers.
            if not self._out_of_reach:
                self._logger.warning("ticket_keys_out_of_reach", detail=str(error))
            self._out_of_reach = True
