"""Own errors of the aiohttp faces."""

import json

from relay.wire.answer import problem


def test_a_problem_is_rfc_9457_with_our_members_and_without_empty_ones() -> None:
    told = problem(409, "taken", "It is taken", "by another", remedy="Choose another.", retry_after=None)
    assert (told.status, told.content_type) == (409, "application/problem+json")
    assert isinstance(told.body, bytes)
    assert json.loads(told.body) == {
        "type": "urn:relay:problem:taken",
        "title": "It is taken",
        "status": 409,
        "detail": "by another",
        "code": "taken",
        "remedy": "Choose another.",
    }
