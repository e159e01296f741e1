"""What the relay itself knows by now: when calls last went well, and what is stopped for a quota."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from relay.compose.relay.guards import guardroom_alone, hatch_of, shown
from relay.observe.history import History
from relay.ops.hatch import asked
from relay.settings.relay import RelaySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`stops` are those of each way: route, and since when; `unasked` says why nothing is known."""

    stops: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    last_good: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    unasked: str = ""


def known(settings: RelaySettings, at: datetime) -> Known:
    """Return what the relay that runs knows, or what is in its file. Raises SettingsFault where that is unreadable."""
    path = hatch_of(settings.state)
    try:
        told = asked(path, {"do": "show"})
    except PermissionError:
        return Known(unasked=f"{path} is for the relay's own user and root")
    except (OSError, ValueError) as fault:
        return Known(unasked=f"the relay at {path} gave no answer: {fault}")
    return _read(told if told is not None else shown(guardroom_alone(settings, at).book(), History()))


def _read(told: dict[str, Any]) -> Known:
    stops: dict[str, list[tuple[str, str]]] = {}
    for each in told["stops"]:
        stops.setdefault(each["way"], []).append((each["route"], each["since"] or ""))
    last_good = {
        (each["way"], each["egress"]): datetime.fromisoformat(each["last_good"]).astimezone(UTC)
        for each in told["guards"]
        if each["last_good"]
    }
    return Known(stops=stops, last_good=last_good)
