"""What is in the way is told by what the system and TLS say of it. Real ones: test_faults, here and in e2e."""

import errno
import os
import ssl
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from relay.doctor.obstacle import of_tcp, of_tls, of_trust
from tests.kit import authority as kit

THERE, HERE = ("api.vecozo.nl", 443), IPv4Address("10.0.0.4")
EXPIRED, NOT_YET_VALID, UNKNOWN, OTHER_NAME = 10, 9, 20, 62


def _untrusted(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "not trusted")
    error.verify_code, error.verify_message = code, "so OpenSSL says"
    return error


def _tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "what", "ours"),
    [
        (TimeoutError(), "nothing came back within 5 seconds", False),
        (OSError(errno.ECONNREFUSED, "refused"), "the connection is refused", False),
        (OSError(errno.EHOSTUNREACH, "no route to host"), "not to be reached", False),
        (OSError(errno.ENETUNREACH, "unreachable"), "knows no way there", True),
        (OSError(errno.ENOBUFS, "?"), os.strerror(errno.ENOBUFS), False),
    ],
    ids=lambda part: type(part).__name__,
)
def test_why_nothing_connects(error: OSError, what: str, ours: bool) -> None:
    obstacle = of_tcp(error, THERE, HERE, 5)
    assert what in obstacle.what
    assert obstacle.ours is ours
    # Whoever keeps the firewall knows the local address, not the one that VECOZO sees.
    assert "10.0.0.4" in obstacle.then or "port 443" in obstacle.then
    assert ("VECOZO Support" in obstacle.then) is not ours


@pytest.mark.parametrize(
    ("error", "what", "then"),
    [
        (TimeoutError(), "not done within 5 seconds", "large packets"),
        (ConnectionResetError(), "as soon as TLS begins", "filtering TLS"),
        (_tls("WRONG_VERSION_NUMBER"), "does not speak TLS", "host and port"),
        (_tls("TLSV1_ALERT_PROTOCOL_VERSION"), "no TLS 1.2 or 1.3", "host and port"),
        (_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), "SSLV3_ALERT_HANDSHAKE_FAILURE", "filtering TLS"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_why_there_is_no_tls(error: OSError, what: str, then: str) -> None:
    obstacle = of_tls(error, THERE, HERE, 5)
    assert what in obstacle.what
    assert then in obstacle.then


@pytest.mark.parametrize(
    ("code", "what", "then"),
    [
        (EXPIRED, "expired on", "has to renew it"),
        (NOT_YET_VALID, "valid from", "timedatectl"),
        (OTHER_NAME, "for localhost, 127.0.0.1, and not for api.vecozo.nl", "getent ahostsv4 api.vecozo.nl"),
        (UNKNOWN, "issued by CN=Rehearsal G4 Issuing CA", "tenants.linde.trust"),
    ],
)
def test_why_the_other_end_is_not_trusted(code: int, what: str, then: str) -> None:
    shown = kit.authority().issue_server(["localhost"], [IPv4Address("127.0.0.1")], at=kit.AT - timedelta(days=1))
    obstacle = of_trust(_untrusted(code), THERE, shown.certificate, "tenants.linde.trust")
    assert what in obstacle.what
    assert then in obstacle.then


@pytest.mark.parametrize("code", [EXPIRED, NOT_YET_VALID, OTHER_NAME, UNKNOWN])
def test_a_certificate_that_was_not_to_be_seen_is_told_by_what_openssl_says(code: int) -> None:
    assert "so OpenSSL says" in of_trust(_untrusted(code), THERE, None, "tenants.linde.trust").what
