"""The pointer to OpenSSL's context: proven before it is used, and refused on any other build."""

import _ssl
import dataclasses
import ssl
from collections.abc import Iterator

import pytest

from relay.x509 import openssl
from relay.x509.openssl import OpenSSLOutOfReach, pointer_to


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """Each test finds out anew, and leaves nothing that another would believe."""
    for known in (openssl.openssl, openssl._prove_the_place):
        known.cache_clear()
    yield
    for known in (openssl.openssl, openssl._prove_the_place):
        known.cache_clear()


@pytest.mark.parametrize("protocol", [ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT], ids=["server", "client"])
def test_a_context_is_reached_and_left_as_it_was(protocol: ssl._SSLMethod) -> None:
    context = ssl.SSLContext(protocol)
    before = context.verify_mode
    assert pointer_to(context) == pointer_to(context) != pointer_to(ssl.SSLContext(protocol))
    assert context.verify_mode is before


def test_a_context_that_is_kept_elsewhere_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = dataclasses.replace(openssl.openssl(), get_verify_mode=lambda _pointer: 0)
    with monkeypatch.context() as patched:
        patched.setattr(openssl, "openssl", lambda: elsewhere)
        with pytest.raises(OpenSSLOutOfReach, match="elsewhere than expected"):
            pointer_to(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_another_openssl_than_that_of_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "OPENSSL_VERSION", "OpenSSL 0.9.8 05 Jul 2005")
    with pytest.raises(OpenSSLOutOfReach, match="another OpenSSL"):
        pointer_to(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def test_a_python_without_a_reachable_openssl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ssl, "__file__", "/nowhere/_ssl.so")
    with pytest.raises(OpenSSLOutOfReach, match="cannot be reached"):
        pointer_to(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
