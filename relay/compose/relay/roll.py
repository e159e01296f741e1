"""The clients in force as the operator sees them: what each proves itself with, until when, and when it last did."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from relay.compose.relay.callers import BuiltCallers
from relay.observe.tally import Proof
from relay.settings.client import PROOFS, Client


def roll(built: BuiltCallers, used: Mapping[Proof, datetime], obeying: Sequence[str]) -> dict[str, object]:
    """Return it in words of JSON, without a digest. `obeying` has the revision that each process goes by."""
    told = sum(revision == built.revision for revision in obeying)
    return {
        "revision": built.revision,
        "processes": len(obeying),
        "obeying": told,
        "everywhere": told == len(obeying),
        "clients": known_clients(built.clients, used),
    }


def known_clients(clients: Mapping[str, Client], used: Mapping[Proof, datetime]) -> dict[str, dict[str, Any]]:
    """Return the clients alone."""
    return {name: _shown(name, client, used) for name, client in clients.items()}


def _shown(name: str, client: Client, used: Mapping[Proof, datetime]) -> dict[str, Any]:
    return {
        "tenants": list(client.tenants),
        "keys": [
            {
                "id": key.id,
                "expires": _told(key.expires),
                "last_used": _told(used.get((name, "api_key", key.id))),
            }
            for key in client.api_keys
        ],
        "ways": {way: _told(_last(name, way, used)) for way in _ways(name, client, used)},
    }


def _ways(name: str, client: Client, used: Mapping[Proof, datetime]) -> list[str]:
    """Return by which ways it proves itself: those that the settings give it, and those that it was seen with."""
    given = (way for way, field in PROOFS.items() if getattr(client, field))
    return sorted({*given, *(way for who, way, _ in used if who == name)})


def _last(name: str, way: str, used: Mapping[Proof, datetime]) -> datetime | None:
    return max((at for (who, how, _), at in used.items() if (who, how) == (name, way)), default=None)


def _told(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def expiries(built: BuiltCallers) -> Iterator[tuple[tuple[str, str], datetime]]:
    """Yield when each key expires that does, by its client and identifier."""
    for name, client in built.clients.items():
        for key in client.api_keys:
            if key.expires is not None:
                yield (name, key.id), key.expires
