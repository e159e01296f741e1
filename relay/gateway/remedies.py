"""What is to be done about a refusal, by whom the tenant's card says: for the log, so by role and never by name."""

from collections.abc import Mapping
from datetime import datetime

from relay.message.head import ResponseHead
from relay.observe.exchange import Exchange
from relay.people.matter import Facts, Matter
from relay.people.remedies import remedy
from relay.settings.card import Card
from relay.tenant.routing import Route
from relay.upstream.refusal import Cause


class Remedies:
    """Words remedies from the cards of all tenants."""

    def __init__(self, cards: Mapping[str, Card]) -> None:
        self._cards = {name: card.for_log() for name, card in cards.items()}

    def of(self, cause: Cause, record: Exchange, route: Route, answer: ResponseHead, last_good: datetime | None) -> str:
        """Return what to do about the refusal of this call."""
        facts = Facts(
            at=record.at,
            environment=route.environment,
            egress=record.egress,
            serial=record.certificate,
            phrase=f"{answer.status} {answer.reason.decode('latin-1')}",
            service=route.name,
            host=route.host,
            last_good=last_good,
        )
        return remedy(Matter(cause.value), self._cards[record.tenant], facts)
