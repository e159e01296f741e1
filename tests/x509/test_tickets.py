"""Tickets under shared keys: sessions resume wherever the keys are the same, and nowhere after they were replaced."""

import ssl
from pathlib import Path

import pytest

from relay.x509 import tickets
from relay.x509.context import client_context, server_context_from
from relay.x509.openssl import OpenSSLOutOfReach, openssl, pointer_to
from relay.x509.tickets import SESSION_SECONDS, new_ticket_keys, use_ticket_keys
from tests.kit import authority as kit

VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"]
)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


def serving(keys: bytes | None) -> ssl.SSLContext:
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    if keys is not None:
        use_ticket_keys(context, keys)
    return context


class Caller:
    """Shakes hands in memory, and offers the session that it has from the last time."""

    def __init__(self, trust: Path, version: ssl.TLSVersion) -> None:
        self._context = client_context(None, trust=trust)
        self._context.minimum_version = self._context.maximum_version = version
        self._session: ssl.SSLSession | None = None

    def resumes(self, server: ssl.SSLContext) -> bool:
        """Shake hands and say whether the session was resumed."""
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        answering = server.wrap_bio(there, back, server_side=True)
        calling = self._context.wrap_bio(back, there, server_hostname="localhost", session=self._session)
        waiting = [calling, answering]
        while waiting:
            for side in tuple(waiting):
                try:
                    side.do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
        answering.write(b"x")
        assert calling.read(1) == b"x"  # in TLS 1.3 the tickets come with it
        self._session = calling.session
        assert calling.session_reused == answering.session_reused
        return bool(answering.session_reused)


@VERSIONS
def test_a_session_resumes_on_another_context_with_the_same_keys(version: ssl.TLSVersion, trust: Path) -> None:
    keys = new_ticket_keys()
    caller = Caller(trust, version)
    assert [caller.resumes(serving(keys)) for _ in range(3)] == [False, True, True]


@VERSIONS
def test_without_shared_keys_it_does_not(version: ssl.TLSVersion, trust: Path) -> None:
    caller = Caller(trust, version)
    assert [caller.resumes(serving(None)) for _ in range(2)] == [False, False]


@VERSIONS
def test_after_a_rotation_it_does_not_and_the_new_session_does(version: ssl.TLSVersion, trust: Path) -> None:
    caller, server = Caller(trust, version), serving(new_ticket_keys())
    before = [caller.resumes(server) for _ in range(2)]
    use_ticket_keys(server, new_ticket_keys())
    assert before + [caller.resumes(server) for _ in range(2)] == [False, True, False, True]


def test_keys_are_never_the_same_twice() -> None:
    assert len({new_ticket_keys() for _ in range(99)}) == 99


def test_a_session_lasts_as_long_as_is_said() -> None:
    context = serving(new_ticket_keys())
    assert openssl().set_timeout(pointer_to(context), 1) == SESSION_SECONDS


@pytest.mark.parametrize("keys", [b"", b"short", bytes(81)], ids=["none", "short", "long"])
def test_keys_of_another_size_are_refused(keys: bytes) -> None:
    """OpenSSL would read beyond the end of those that are too short."""
    with pytest.raises(ValueError, match="80"):
        use_ticket_keys(serving(None), keys)


def test_an_openssl_with_other_keys_is_left_alone(monkeypatch: pytest.MonkeyPatch, trust: Path) -> None:
    monkeypatch.setattr(tickets, "_SIZE", 48)
    server = serving(None)
    with pytest.raises(OpenSSLOutOfReach, match="other ticket keys"):
        use_ticket_keys(server, bytes(48))
    caller = Caller(trust, ssl.TLSVersion.TLSv1_3)
    assert [caller.resumes(server) for _ in range(2)] == [False, True]
