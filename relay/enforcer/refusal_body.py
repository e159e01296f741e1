"""What stands in the body of a bare 403: VECOZO does not say, so each of the guesses can be set. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RefusalBody(StrEnum):
    """The guesses: nothing, what Azure API Management writes, a page as the older hosts' web server makes."""

    EMPTY = "empty"
    JSON = "json"
    HTML = "html"


_HTML = (
    "<!DOCTYPE html>\n<html><head><title>403 - {phrase}</title></head>"
    "<body><h1>Server Error</h1><h2>403 - {phrase}</h2></body></html>\n"
)
_SHAPES: Final[Mapping[RefusalBody, tuple[str | None, str]]] = MappingProxyType(
    {
        RefusalBody.EMPTY: (None, ""),
        RefusalBody.JSON: ("application/json", '{{"statusCode":403,"message":"{phrase}"}}'),
        RefusalBody.HTML: ("text/html", _HTML),
    }
)


def refusal_body(shape: RefusalBody, phrase: str) -> tuple[str | None, bytes]:
    """Return the content type, None for an empty body, and the body."""
    content_type, text = _SHAPES[shape]
    return content_type, text.format(phrase=phrase).encode()
