"""The tables of the docs are those of the code."""

import pytest

from relay.settings.reference import ReferenceSettings
from relay.settings.relay import RelaySettings
from tests.kit.tables import DOCS, TABLES, leaves, with_tables


@pytest.mark.parametrize("page", TABLES)
def test_the_tables_in_the_docs_are_those_of_the_code(page: str) -> None:
    text = (DOCS / page).read_text()
    assert text == with_tables(text, page), "run `make docs`"


@pytest.mark.parametrize("model", [RelaySettings, ReferenceSettings])
def test_every_setting_says_what_it_is_for(model: type[RelaySettings]) -> None:
    assert [key for key, field in leaves(model) if not field.description] == []
