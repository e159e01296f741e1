"""The numbers of the book are read strictly and never repeated when they are wrong."""

from collections.abc import Callable

import pytest

from relay.registry.domain.identifiers import Malformed, agb_code, fingerprint, organisation_id, user_number


@pytest.mark.parametrize(
    ("read", "good"),
    [
        (user_number, "20001000001131"),
        (agb_code, "01234567"),
        (fingerprint, "0123456789abcdef" * 4),
        (organisation_id, "praktijk-a"),
        (organisation_id, "a"),
        (organisation_id, "a" * 63),
    ],
)
def test_a_well_formed_identifier_is_taken_as_it_is(read: Callable[[str], str], good: str) -> None:
    assert read(good) == good


@pytest.mark.parametrize(
    ("read", "bad"),
    [
        *((user_number, bad) for bad in ("", "2000100000113", "200010000011311", "2000100000113a", "２" * 14)),
        *((user_number, bad) for bad in ("20001000001131\n", " 20001000001131")),
        *((agb_code, bad) for bad in ("", "1234567", "123456789", "1234567x")),
        *((fingerprint, bad) for bad in ("", "0" * 63, "0" * 65, "AB" * 32, "g" * 64)),
        *((organisation_id, bad) for bad in ("", "-a", "a-", "A", "a b", "a/b", "a" * 64)),
    ],
)
def test_an_ill_formed_identifier_is_refused(read: Callable[[str], str], bad: str) -> None:
    with pytest.raises(Malformed):
        read(bad)


def test_a_refused_identifier_is_not_repeated_for_it_may_be_a_patients_number() -> None:
    with pytest.raises(Malformed) as caught:
        user_number("999979668")
    assert "999979668" not in str(caught.value)
