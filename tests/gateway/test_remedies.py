"""The log says what is to be done about a refusal, by whom the tenant's card says, and names no person."""

from pathlib import Path

import pytest

from tests.kit import upstream as kit
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("registration", "who"),
    [
        ("own", "Have the provider's contact person register 127.0.0.9"),
        ("party", "Have Voorbeeld Software register 127.0.0.9 at VECOZO among its addresses for customers"),
        ("consent", "Have Voorbeeld Software register 127.0.0.9 at VECOZO for its own system certificate"),
    ],
)
async def test_a_refusals_remedy_in_the_log_is_that_of_the_card(tmp_path: Path, registration: str, who: str) -> None:
    card = {
        "tenants.linde.card.registration": registration,
        "tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": "anna@delinde.example"}],
        "tenants.linde.card.party": {"name": "Voorbeeld Software"},
    }
    async with (
        kit.running(kit.answering(FORBIDDEN)) as upstream,
        relay(tmp_path, upstream.port, changes=card) as here,
        line(here.port) as caller,
    ):
        answer = await (await caller.send(request("POST", PATH, here.authorised, body=b"<question/>"))).answer()
    assert answer.status == 403
    [noted] = here.exchanges
    assert who in str(noted["remedy"])
    assert "Anna" not in str(here.lines)
    assert "Voorbeeld" not in str(answer)
