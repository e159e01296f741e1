"""The table of mistakes covers each of them, and each names a remedy."""

from relay.x509.mistake import MISTAKES, Mistake


def test_every_mistake_has_its_words_and_a_remedy() -> None:
    assert set(MISTAKES) == set(Mistake)
    for wording in MISTAKES.values():
        assert wording.what.endswith((".", ")."))
        assert wording.remedy


def test_no_two_mistakes_read_the_same() -> None:
    assert len({wording.what for wording in MISTAKES.values()}) == len(Mistake)


def test_only_a_doubt_leaves_the_file_usable() -> None:
    harmless = {mistake for mistake, wording in MISTAKES.items() if not wording.fatal}
    assert harmless == {Mistake.CHAIN_LEFT_OUT, Mistake.TEST_CERTIFICATE}
