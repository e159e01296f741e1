"""Whose certificate was not accepted: theirs by us, or ours by them."""

import ssl

import pytest

from relay.upstream.alert import refuses_our_certificate


def _error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, "text")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    "reason",
    ["SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "TLSV13_ALERT_CERTIFICATE_REQUIRED",
     "TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_ACCESS_DENIED", "SSLV3_ALERT_CERTIFICATE_REVOKED"],
)  # fmt: skip
def test_an_alert_about_a_certificate_refuses_ours(reason: str) -> None:
    assert refuses_our_certificate(_error(reason))


@pytest.mark.parametrize("reason", ["TLSV1_ALERT_INTERNAL_ERROR", "SSLV3_ALERT_HANDSHAKE_FAILURE", "UNKNOWN_CA", ""])
def test_other_ends_do_not(reason: str) -> None:
    assert not refuses_our_certificate(_error(reason))


def test_our_own_distrust_of_them_is_never_their_refusal_of_us() -> None:
    assert not refuses_our_certificate(_error("TLSV1_ALERT_UNKNOWN_CA", ssl.SSLCertVerificationError))
