"""What a client that has proven itself may do. Pure: a call and the time in, the nearest miss out."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from relay.message.fields import Fields
from relay.message.framing import Framing, Length
from relay.message.head import RequestHead
from relay.settings.words import Environment
from relay.tenant.hours import Hours
from relay.tenant.routing import Route


class Condition(StrEnum):
    """What a policy asks of a call, in the order of asking."""

    ENVIRONMENTS = "environments"
    ROUTES = "routes"
    METHODS = "methods"
    CONTENT_TYPES = "content_types"
    DATAVERSE = "dataverse"
    HOURS = "hours"
    MAX_BODY = "max_body"


# By these a caller that can send but POST says which method it means.
_OVERRIDES: Final = (b"x-http-method", b"x-http-method-override", b"x-method-override")

# What a client is told, who has proven itself and so may know.
MISSES: Final = {
    Condition.ENVIRONMENTS: "this client may not call VECOZO's environment that this path leads to",
    Condition.ROUTES: "this client may not call over the route that has this path",
    Condition.METHODS: "this client may not call with this method",
    Condition.CONTENT_TYPES: "this client may not send a body of this Content-Type, or one without",
    Condition.DATAVERSE: "the call does not come from a Dataverse environment that this client may call from: "
    "one that was copied, perhaps, with the secrets of another",
    Condition.HOURS: "this client may not call at this hour",
    Condition.MAX_BODY: "the body is longer than this client may send",
}


class Policy:
    """What one client may do; None is anything. With `enforced` off, what would be refused is only noted.

    `routes` has names and families, `content_types` lower-case media types, `dataverse` the lower-case ids of the
    environments that may call, and `dataverse_field` the lower-case name of the field that tells which one does.
    """

    def __init__(
        self,
        *,
        enforced: bool,
        environments: frozenset[Environment] | None = None,
        routes: frozenset[str] | None = None,
        methods: frozenset[bytes] | None = None,
        content_types: frozenset[bytes] | None = None,
        dataverse: frozenset[bytes] | None = None,
        dataverse_field: bytes = b"",
        hours: Hours | None = None,
        max_body: int | None = None,
    ) -> None:
        self.enforced: Final = enforced
        self.max_body: Final = max_body
        self._environments: Final = environments
        self._routes: Final = routes
        self._methods: Final = methods
        self._content_types: Final = content_types
        self._dataverse: Final = dataverse
        self._dataverse_field: Final = dataverse_field
        self._hours: Final = hours

    def __repr__(self) -> str:
        return f"<Policy {'enforced' if self.enforced else 'reported'}>"

    def miss(self, head: RequestHead, framing: Framing, route: Route, at: datetime) -> Condition | None:
        """Return the first condition that the call does not meet, None where it meets all; `at` has its time zone."""
        if self._environments is not None and route.environment not in self._environments:
            return Condition.ENVIRONMENTS
        if self._routes is not None and route.name not in self._routes and route.family.value not in self._routes:
            return Condition.ROUTES
        if self._methods is not None and not _by_methods(head, self._methods):
            return Condition.METHODS
        if self._content_types is not None and not _of_types(head.fields, framing, self._content_types):
            return Condition.CONTENT_TYPES
        if self._dataverse is not None and not _from(head.fields, self._dataverse_field, self._dataverse):
            return Condition.DATAVERSE
        if self._hours is not None and not self._hours.include(at):
            return Condition.HOURS
        if self.max_body is not None and isinstance(framing, Length) and framing.octets > self.max_body:
            return Condition.MAX_BODY
        return None


def environment_id(text: bytes) -> bytes:
    """Return the id of a Dataverse environment as it is compared: some write a GUID in braces, or in capitals."""
    return text.strip(b"{}").lower()


def _by_methods(head: RequestHead, methods: frozenset[bytes]) -> bool:
    """Whether this method is one of these, and each that it is to stand for: some servers go by such a field."""
    told = [value for name in _OVERRIDES for value in head.fields.values(name)]
    return head.method in methods and all(value.upper() in methods for value in told)


def _of_types(fields: Fields, framing: Framing, types: frozenset[bytes]) -> bool:
    """Whether each type that is told is one of these; a body has to have one told."""
    told = fields.values(b"content-type")
    if not told:
        return isinstance(framing, Length) and not framing.octets
    return all(each.partition(b";")[0].strip().lower() in types for each in told)


def _from(fields: Fields, name: bytes, ids: frozenset[bytes]) -> bool:
    told = fields.values(name)
    return len(told) == 1 and environment_id(told[0]) in ids
