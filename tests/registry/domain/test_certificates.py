"""What a certificate is worth at a moment, and which values can be one at all."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from relay.registry.domain.certificates import State, state
from relay.registry.domain.identifiers import Fingerprint, Malformed, OrganisationId, UserNumber
from tests.kit.registry import NOON, personal_certificate, system_certificate

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("made", [system_certificate, personal_certificate])
def test_a_certificate_is_valid_from_its_first_to_its_last_moment(made: type) -> None:
    certificate = made(not_before=NOON, not_after=NOON + SECOND)
    states = [state(certificate, at=NOON + moment * SECOND) for moment in (-1, 0, 1, 2)]
    assert states == [State.NOT_YET_VALID, State.VALID, State.VALID, State.EXPIRED]


def test_a_certificate_is_revoked_from_the_moment_of_revocation_even_once_expired() -> None:
    certificate = system_certificate(not_after=NOON + SECOND, revoked_at=NOON)
    states = [state(certificate, at=NOON + moment * SECOND) for moment in (-1, 0, 2)]
    assert states == [State.VALID, State.REVOKED, State.REVOKED]


def test_moments_without_a_time_zone_are_refused() -> None:
    with pytest.raises(Malformed, match="time zone"):
        system_certificate(not_before=datetime(2026, 1, 1))  # noqa: DTZ001  # the claim itself
    with pytest.raises(Malformed, match="time zone"):
        personal_certificate(revoked_at=datetime(2026, 1, 1))  # noqa: DTZ001  # the claim itself


def test_a_certificate_cannot_end_before_it_begins() -> None:
    with pytest.raises(Malformed, match="before it begins"):
        system_certificate(not_before=NOON, not_after=NOON - SECOND)


def test_a_certificate_carries_numbers_and_names_of_the_right_shape() -> None:
    with pytest.raises(Malformed, match="14 digits"):
        system_certificate(UserNumber("123"))
    with pytest.raises(Malformed, match="64"):
        replace(system_certificate(), fingerprint=Fingerprint("AB" * 32))
    with pytest.raises(Malformed, match="short name"):
        system_certificate(of=OrganisationId(""))


@pytest.mark.parametrize("made", [system_certificate, personal_certificate])
def test_inc_a_certificate_can_be_collected_for_sixty_days_and_is_withdrawn_after_them(made: type) -> None:
    certificate = made(not_before=NOON, collected_at=None)
    last = NOON + timedelta(days=60)
    assert [state(certificate, at=at) for at in (NOON, last, last + SECOND)] == [
        State.UNCOLLECTED,
        State.UNCOLLECTED,
        State.WITHDRAWN,
    ]
    collected = replace(certificate, collected_at=NOON + SECOND)
    assert [state(collected, at=at) for at in (NOON, NOON + SECOND)] == [State.UNCOLLECTED, State.VALID]


def test_a_certificate_may_be_of_one_moment() -> None:
    assert state(system_certificate(not_before=NOON, not_after=NOON), at=NOON) is State.VALID
