"""A registered address or range: for which certificate, by whom, since when."""

from dataclasses import dataclass
from datetime import datetime

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.identifiers import UserNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Addresses from which the certificates under `user_number` may call; `by` is the contact person's number."""

    user_number: UserNumber
    range: AddressRange
    by: UserNumber
    at: datetime
