"""Whose certificate was not accepted: theirs by us, or ours by them, and why."""

import ssl

import pytest

from relay import errors
from relay.upstream.alert import refusal_of_ours


def _error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, "text")
    error.reason = reason
    return error


def _refusal(error: ssl.SSLError, *, agreed: bool = True) -> errors.SystemCertificateRefused | None:
    return refusal_of_ours(error, "gate", agreed=agreed)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", errors.SystemCertificateMissing),
        ("SSLV3_ALERT_BAD_CERTIFICATE", errors.SystemCertificateDisliked),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", errors.SystemCertificateDisliked),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", errors.SystemCertificateExpired),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", errors.SystemCertificateRevoked),
        ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", errors.SystemCertificateUnfit),
        ("TLSV1_ALERT_UNKNOWN_CA", errors.SystemCertificateForeign),
        ("TLSV1_ALERT_ACCESS_DENIED", errors.SystemCertificateDisliked),
    ],
)
@pytest.mark.parametrize("agreed", [True, False])
def test_an_alert_about_a_certificate_refuses_ours_and_says_why(
    reason: str, kind: type[errors.SystemCertificateRefused], agreed: bool
) -> None:
    refusal = _refusal(_error(reason), agreed=agreed)
    assert type(refusal) is kind
    assert reason.partition("ALERT_")[2].lower() in refusal.detail


@pytest.mark.parametrize("reason", ["TLSV1_ALERT_INTERNAL_ERROR", "TLSV1_ALERT_PROTOCOL_VERSION", "UNKNOWN_CA", ""])
def test_other_ends_do_not(reason: str) -> None:
    assert _refusal(_error(reason)) is None


def test_a_failed_handshake_is_about_our_certificate_only_once_version_and_suite_are_settled() -> None:
    failure = _error("SSLV3_ALERT_HANDSHAKE_FAILURE")
    assert type(_refusal(failure, agreed=True)) is errors.SystemCertificateMissing
    assert _refusal(failure, agreed=False) is None


def test_our_own_distrust_of_them_is_never_their_refusal_of_us() -> None:
    assert _refusal(_error("TLSV1_ALERT_UNKNOWN_CA", ssl.SSLCertVerificationError)) is None
