"""Watch the settings file for its clients: who may call changes without a restart, and nothing else does."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.asking import Asking
from relay.compose.relay.build import Built, callers_of
from relay.compose.relay.callers import BuiltCallers
from relay.compose.relay.settings import SettingsFile, changed
from relay.compose.relay.signing import key_paths
from relay.errors import SettingsFault
from relay.observe.metrics import Metrics
from relay.settings.client import Client
from relay.settings.relay import RelaySettings
from relay.x509.watch import FileWatch, stamp_of

# The branches of the settings that are taken while the relay runs.
_TAKEN: Final = frozenset(("clients", "sources"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the settings file holds for a relay that runs: its clients, and what else changed since the start."""

    callers: BuiltCallers
    waiting: Sequence[str]

    def same(self, other: "Reading") -> bool:
        """Whether neither has anything to say that the other has not."""
        return self.callers.same(other.callers) and self.waiting == other.waiting


class Admitting(Protocol):
    """However many processes receive callers, and know their clients."""

    def admit(self, callers: BuiltCallers) -> None:
        """Know these clients from now on."""
        ...


class ClientsNews:
    """Has callers judged by the clients of a changed settings file, and tells log and metrics what became of it."""

    def __init__(self, reception: Admitting, asking: Asking, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._reception = reception
        self._asking = asking
        self._logger = logger
        self._metrics = metrics

    def taken(self, reading: Reading) -> None:
        """Go by this reading."""
        self._reception.admit(reading.callers)
        self._asking.ask(reading.callers.certified)
        self._metrics.clients_reloaded(taken=True)
        self._logger.info("clients_taken", clients=sorted(reading.callers.clients))
        if reading.waiting:
            self._logger.warning("settings_need_restart", keys=list(reading.waiting))

    def refused(self, fault: SettingsFault) -> None:
        """Tell why the file changes nothing: each fault in it."""
        self._metrics.clients_reloaded(taken=False)
        for key, detail in fault.faults:
            self._logger.error("clients_refused", key=key, detail=detail)


def _of_tenants(there: Collection[str], clients: Mapping[str, Client]) -> Iterator[tuple[str, Client]]:
    """Yield the clients, each bound to those of its tenants that this relay knows: a new one comes with a restart."""
    for name, client in clients.items():
        tenants = tuple(tenant for tenant in client.tenants if tenant in there)
        if tenants:
            yield name, client.model_copy(update={"tenants": tenants})


def _paths(settings: RelaySettings) -> Iterator[Path]:
    """Yield the other files that clients are made of."""
    yield from key_paths(settings.clients.values())
    if settings.sources.azure_service_tags is not None:
        yield settings.sources.azure_service_tags


def clients_watch(built: Built, file: SettingsFile, news: ClientsNews) -> FileWatch[Reading, SettingsFault]:
    """Return what looks after the clients in `file`, and after the files with their keys and service tags."""
    paths = [*_paths(built.settings)]

    def read() -> Reading:
        settings = file.read()
        paths[:] = _paths(settings)
        # How many workers there are may have been told to `relay serve` itself.
        settings = settings.model_copy(update={"workers": built.settings.workers})
        waiting = tuple(name for name in changed(built.settings, settings) if name.partition(".")[0] not in _TAKEN)
        clients = dict(_of_tenants(built.tenants, settings.clients))
        return Reading(callers=callers_of(settings, clients), waiting=waiting)

    return FileWatch(
        stamp=lambda: file.stamp() + stamp_of(*paths),
        seen=(),  # looked at once more than needed: what changed while the relay was being built counts as well
        make=read,
        fault=SettingsFault,
        taken=news.taken,
        refused=news.refused,
        made=Reading(callers=built.callers, waiting=()),
        same=Reading.same,
    )
