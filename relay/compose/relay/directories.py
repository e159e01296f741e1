"""The directories whose tokens count: built from the settings, and their keys kept fresh in each process."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from relay.auth.issuer import Issuer
from relay.auth.key_fetch import KeySource
from relay.auth.key_ring import KeyRing, KeysUnfit
from relay.auth.token import Fault
from relay.errors import SettingsFault
from relay.observe.metrics import Metrics
from relay.settings.directory import Directory
from relay.x509.context import TlsFileFault, client_context

_ENTRA = "https://login.microsoftonline.com/{}/v2.0"
_ENTRA_KEYS = "https://login.microsoftonline.com/{}/discovery/v2.0/keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltDirectory:
    """A directory, and where its keys are."""

    issuer: Issuer
    source: KeySource


def build_directories(directories: Mapping[str, Directory]) -> Sequence[BuiltDirectory]:
    """Return the directories. Raises SettingsFault with every fault there is; whether one answers is not tried."""
    built, faults = list[BuiltDirectory](), list[tuple[str, str]]()
    for name, directory in directories.items():
        try:
            built.append(_built(name, directory))
        except TlsFileFault as fault:
            faults.append((f"directories.{name}.trust", fault.detail))
    if faults:
        raise SettingsFault(faults)
    return built


def _built(name: str, directory: Directory) -> BuiltDirectory:
    context = client_context(None, trust=directory.trust)
    if directory.issuer is not None:
        issuer = Issuer.other(
            name, directory.issuer, directory.audiences, directory.algorithms, directory.application_claim
        )
        place, keys_url = directory.issuer, directory.keys_url
    else:
        issuer = Issuer.entra(name, str(directory.tenant_id), directory.audiences)
        place = _ENTRA.format(directory.tenant_id)
        keys_url = directory.keys_url or _ENTRA_KEYS.format(directory.tenant_id)
    source = KeySource(issuer=place, keys_url=keys_url, algorithms=issuer.algorithms, context=context)
    return BuiltDirectory(issuer=issuer, source=source)


class Directories:
    """The keys of all directories in one process, each fetched again and again. To be made inside the loop."""

    def __init__(self, built: Sequence[BuiltDirectory], logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self.rings = [KeyRing(each.issuer, time.monotonic) for each in built]
        self._metrics = metrics
        keepers = [_Keeper(ring, each.source, logger, metrics) for ring, each in zip(self.rings, built, strict=True)]
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(keeper.keep()) for keeper in keepers]

    def __repr__(self) -> str:
        return f"<Directories {self.rings}>"

    def refused(self, directory: str, fault: Fault) -> None:
        """Count a token that proved nobody."""
        self._metrics.token_refused(directory, fault)

    def close(self) -> None:
        """Fetch no more."""
        for task in self._tasks:
            task.cancel()


class _Keeper:
    """Fetches the keys of one directory: one fetch at a time, for there is but this one loop of it."""

    def __init__(self, ring: KeyRing, source: KeySource, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._ring = ring
        self._source = source
        self._logger = logger
        self._metrics = metrics
        self._wanted = asyncio.Event()
        ring.awaken_by(self._wanted.set)
        metrics.will_fetch_keys(ring.issuer.name)

    async def keep(self) -> None:
        while True:
            self._wanted.clear()
            await self._fetch()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ring.pause):
                    await self._wanted.wait()

    async def _fetch(self) -> None:
        ring, name = self._ring, self._ring.issuer.name
        ring.begin()
        try:
            keys = await self._source.fetch()
        except KeysUnfit as fault:
            ring.failed()
            self._metrics.keys_fetched(name, None)
            self._logger.error("directory_keys_failed", directory=name, host=self._source.host, detail=fault.detail)
        else:
            if ring.take(keys):
                self._logger.info("directory_keys_taken", directory=name, keys=len({kid for kid, _ in keys}))
            self._metrics.keys_fetched(name, time.time())
