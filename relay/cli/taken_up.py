"""Whether a relay takes up a settings file that was changed: one with a fault in it changes nothing."""

from pathlib import Path

from relay.compose.relay.settings import SettingsFile
from relay.errors import SettingsFault


def fault_in(file: Path) -> str:
    """Return the first fault of the file as it stands; empty where a relay takes it."""
    try:
        SettingsFile(file).read()
    except SettingsFault as fault:
        key, what = fault.faults[0]
        return f"{key}: {what}"
    return ""


def told_of_change(file: Path) -> str:
    """Return what becomes of the change at a relay that runs."""
    if fault := fault_in(file):
        return (
            f"A relay that runs goes by its old clients until the file is in order: {fault} (`relay check` tells all)."
        )
    return "A relay that runs takes it up within seconds."
