"""The body of a 403 is one of the guesses, each of which names the phrase at most."""

import json

import pytest

from relay.enforcer.refusal_body import RefusalBody, refusal_body


def test_an_empty_body_has_no_content_type() -> None:
    assert refusal_body(RefusalBody.EMPTY, "Forbidden") == (None, b"")


def test_the_json_body_is_that_of_azures_gateway() -> None:
    content_type, body = refusal_body(RefusalBody.JSON, "Forbidden")
    assert content_type == "application/json"
    assert json.loads(body) == {"statusCode": 403, "message": "Forbidden"}


@pytest.mark.parametrize("phrase", ["Forbidden", "Not Allowed"])
def test_the_page_names_the_phrase(phrase: str) -> None:
    content_type, body = refusal_body(RefusalBody.HTML, phrase)
    assert content_type == "text/html"
    assert f"<h2>403 - {phrase}</h2>".encode() in body
