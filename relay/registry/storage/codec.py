"""Events as text and back, for the table of what happened: another process follows the book by them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from relay.registry.domain.events import Event

# By the name of its class: what is written today has to be read for as long as books are kept.
_KINDS: Final[Mapping[str, TypeAdapter[Any]]] = MappingProxyType(
    {kind.__name__: TypeAdapter(kind) for kind in get_args(Event)}
)


def kind_of(event: Event) -> str:
    """Return the kind of an event: `AddressRegistered`."""
    return type(event).__name__


def text_of(event: Event) -> str:
    """Return an event as JSON."""
    return str(_KINDS[kind_of(event)].dump_json(event), "utf-8")


def event_of(kind: str, text: str) -> Event:
    """Return the event that is so written."""
    event: Event = _KINDS[kind].validate_json(text)
    return event
