"""Environments never mix: what tells a certificate's environment is a guess that can be overruled."""

import pytest

from relay.settings.words import TEST_WORDS as IN_SETTINGS
from relay.x509.bundle import TEST_WORDS, BundleFault
from relay.x509.fitness import ANYWHERE, Fitness
from relay.x509.identity import Identity, identify
from relay.x509.mistake import Mistake
from tests.kit import authority as kit

PRODUCTION = Fitness(production=True)


def _test_certificate() -> Identity:
    return identify(kit.authority().issue_system(kit.USER_NUMBER, "Praktijk De Linde (TEST)", at=kit.AT).certificate)


ORDINARY = identify(kit.system().certificate)


def test_a_test_certificate_is_refused_in_production_alone() -> None:
    assert PRODUCTION.mistake_with(_test_certificate()) is Mistake.TEST_IN_PRODUCTION
    assert Fitness().mistake_with(_test_certificate()) is None
    assert PRODUCTION.mistake_with(ORDINARY) is None


def test_the_refusal_says_that_it_is_a_guess_and_how_to_overrule_it() -> None:
    with pytest.raises(BundleFault, match=r"guess.*fingerprints"):
        PRODUCTION.judge(_test_certificate())


def test_a_listed_fingerprint_overrules_the_names() -> None:
    tested = _test_certificate()
    assert Fitness(production=True, fingerprints=frozenset({tested.fingerprint})).mistake_with(tested) is None


def test_where_any_is_listed_no_other_is_taken() -> None:
    listed = Fitness(fingerprints=frozenset({_test_certificate().fingerprint}))
    assert listed.mistake_with(ORDINARY) is Mistake.NOT_LISTED


def test_the_words_can_be_others_or_none() -> None:
    words = frozenset({"linde"})
    assert Fitness(production=True, test_words=words).mistake_with(ORDINARY) is Mistake.TEST_IN_PRODUCTION
    assert Fitness(production=True, test_words=frozenset()).mistake_with(_test_certificate()) is None


def test_what_belongs_nowhere_in_particular_takes_any() -> None:
    ANYWHERE.judge(_test_certificate())


def test_the_words_of_the_settings_and_those_of_an_explanation_are_the_same() -> None:
    assert set(IN_SETTINGS) == TEST_WORDS
