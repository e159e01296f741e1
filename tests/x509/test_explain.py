"""A file is explained whatever is in it: whose it is, until when, usable or why not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from relay.authority import profile
from relay.authority.issued import Issued
from relay.authority.signing import KeyType, sign
from relay.x509.explain import SOON, Explanation, Severity, explain
from relay.x509.mistake import Mistake
from tests.kit import authority as kit


def explained(issued: Issued, *, with_chain: bool = True) -> Explanation:
    return explain(issued.p12("geheim", with_chain=with_chain), "geheim", at=kit.AT, file_name="systeem.p12")


def severities(explanation: Explanation) -> dict[Severity, list[str]]:
    return {
        severity: [finding.what for finding in explanation.findings if finding.severity is severity]
        for severity in Severity
    }


def test_a_file_in_order_is_usable_and_nothing_is_held_against_it() -> None:
    explanation = explained(kit.system())
    assert explanation.usable
    assert [finding.severity for finding in explanation.findings] == [Severity.GOOD]
    assert explanation.identity is not None
    assert explanation.identity.organisation == kit.ORGANISATION
    assert len(explanation.chain) == 2


@pytest.mark.parametrize(
    ("issued", "mistake"),
    [
        (kit.personal, Mistake.PERSONAL),
        (kit.expired, Mistake.EXPIRED),
        (kit.not_yet_valid, Mistake.NOT_YET_VALID),
        (kit.server, Mistake.WRONG_PURPOSE),
    ],
)
def test_a_mistake_makes_it_unusable_and_the_holder_is_still_told(
    issued: Callable[[], Issued], mistake: Mistake
) -> None:
    explanation = explained(issued())
    assert not explanation.usable
    assert explanation.findings[0].mistake is mistake
    assert explanation.findings[0].remedy
    assert explanation.identity is not None
    assert not severities(explanation)[Severity.GOOD]


def test_all_mistakes_are_told_at_once() -> None:
    old = kit.authority().issue_personal(
        kit.PERSONAL_NUMBER, "Anna", "Voorbeeld", kit.ORGANISATION, at=kit.AT - timedelta(days=99), days=9
    )
    mistakes = [finding.mistake for finding in explained(old, with_chain=False).findings]
    assert mistakes == [Mistake.PERSONAL, Mistake.EXPIRED, Mistake.CHAIN_LEFT_OUT]


def test_a_chain_left_out_warns_and_stays_usable() -> None:
    explanation = explained(kit.system(), with_chain=False)
    assert explanation.usable
    assert [f.mistake for f in explanation.findings if f.severity is Severity.WARNING] == [Mistake.CHAIN_LEFT_OUT]


def test_a_test_certificate_is_pointed_out() -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, "Acceptatie De Linde", at=kit.AT)
    assert Mistake.TEST_CERTIFICATE in [finding.mistake for finding in explained(issued).findings]


def test_the_word_test_inside_another_word_is_no_sign_of_a_test_certificate() -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, "Praktijk Testament", at=kit.AT)
    assert [finding.severity for finding in explained(issued).findings] == [Severity.GOOD]


@pytest.mark.parametrize(("days", "warned"), [(SOON.days, True), (SOON.days + 1, False)])
def test_the_end_is_announced_in_time_to_renew(days: int, warned: bool) -> None:
    explanation = explained(kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT, days=days))
    assert explanation.usable
    assert bool(severities(explanation)[Severity.WARNING]) is warned


def test_a_certificate_without_user_number_is_noted_as_a_guess() -> None:
    notes = severities(explained(kit.authority().issue_system("0", kit.ORGANISATION, at=kit.AT)))[Severity.NOTE]
    assert len(notes) == 1
    assert "guess" in notes[0]


def test_an_rsa_key_of_2048_bits_is_noted_and_usable() -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT, key_type=KeyType.RSA2048)
    explanation = explained(issued)
    assert explanation.usable
    assert "2048 bits" in severities(explanation)[Severity.NOTE][0]


def test_a_file_that_cannot_be_opened_tells_why_and_nothing_else() -> None:
    explanation = explain(kit.system().p12("geheim"), "fout", at=kit.AT, file_name="x.p12")
    assert not explanation.usable
    assert explanation.identity is None
    assert [finding.mistake for finding in explanation.findings] == [Mistake.WRONG_PASSWORD]


@given(st.binary(max_size=64), st.none() | st.text(max_size=9))
def test_no_bytes_and_no_password_make_it_fail(data: bytes, password: str | None) -> None:
    explain(data, password, at=kit.AT, file_name="x")


def test_a_choice_among_several_certificates_is_explained() -> None:
    old = kit.expired()
    renewed = sign(
        old.certificate.subject, old.key, issuer=kit.authority().intermediate, not_before=kit.AT, days=730,
        extensions=profile.client(),
    )  # fmt: skip
    crowd = [renewed, kit.personal().certificate, *old.chain]
    data = pkcs12.serialize_key_and_certificates(None, old.key, old.certificate, crowd, NoEncryption())
    explanation = explain(data, None, at=kit.AT, file_name="systeem.p12")
    assert explanation.usable
    chosen, *passed_over = severities(explanation)[Severity.NOTE]
    assert "3 holders' certificates" in chosen
    assert f"{renewed.serial_number:X}" in chosen
    assert [told.rsplit(": ", 1)[1] for told in passed_over] == [
        "it expires earlier.", "its private key is not in the file.",
    ]  # fmt: skip
