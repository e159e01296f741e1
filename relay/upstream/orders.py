"""What was ordered about certificates: a small file that a command writes and the relay looks at.

The relay itself adds that a probe has succeeded, so that it need not succeed again after a restart.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from relay.upstream.rotation import Generation, Order
from relay.x509.watch import Stamp, stamp_of

Orders = Mapping[str, Order]


def orders_of(state: Path) -> Path:
    """Return where the orders are of a relay that keeps its state there: beside it."""
    return state.with_name(state.name + ".certificates")


class OrdersFault(Exception):
    """The file of orders cannot be read or written."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class OrdersFile:
    """Orders by way. A file that is not there has none."""

    path: Path

    def read(self) -> Orders:
        """Return what is ordered. Raises OrdersFault."""
        try:
            told = orjson.loads(self.path.read_bytes())
            return {way: Order(Generation(each["use"]), str(each["next"])) for way, each in told.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise OrdersFault(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            remedy = "let `relay certificate rollback` and `cutover` alone write it, or remove it"
            raise OrdersFault(f"{self.path} holds no orders; {remedy}") from None

    def add(self, way: str, order: Order) -> None:
        """Write one more order, in place of any for the same way. Raises OrdersFault."""
        orders = dict(self.read()) | {way: order}
        text = json.dumps({name: {"use": each.use, "next": each.next} for name, each in orders.items()}, indent=2)
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            # In whole or not at all: the relay may look at any moment. There is no secret in it.
            beside.write_text(text + "\n", encoding="utf-8")
            beside.chmod(0o644)  # whoever ordered it, the relay's own user has to read it
            beside.replace(self.path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            remedy = "name a file in a folder that can be written in, as state"
            raise OrdersFault(f"{self.path} cannot be written: {error.strerror}; {remedy}") from None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever the file may have changed."""
        return stamp_of(self.path)
