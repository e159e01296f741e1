"""TLS contexts as the NCSC guidelines of 2025-05 want them, keys given by memory and never by a file of ours."""

import os
import ssl
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from relay.x509.bundle import Bundle
from relay.x509.identity import UNREADABLE
from relay.x509.openssl import OpenSSLOutOfReach, openssl, pointer_to
from relay.x509.pem import chain_pem, key_pem

# TLS 1.2 suites, best first. Those of TLS 1.3 cannot be set from Python 3.11; OpenSSL's default is the NCSC list.
SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)

# Groups, best first: without these OpenSSL also takes P-521 and X448. Python 3.11 cannot list them (`set_ecdh_curve`
# takes one and drops the others), so OpenSSL is asked: SSL_CTRL_SET_GROUPS_LIST.
GROUPS = ("X25519", "P-256", "P-384")
_SET_GROUPS = 92


class TlsFileFault(Exception):
    """A file that TLS needs is missing or wrong. The detail names the file, what is wrong and the remedy."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def server_context(certificate_chain: Path, key: Path) -> ssl.SSLContext:
    """Return a listener's context from PEM files: the certificate followed by its intermediates, and its key."""
    try:
        return server_context_from(_read(certificate_chain), _read(key))
    except TlsFileFault as fault:
        raise TlsFileFault(f"{certificate_chain} with {key}: {fault.detail}") from fault


def server_context_from(chain: bytes, key: bytes) -> ssl.SSLContext:
    """Return a listener's context from PEM bytes, or raise `TlsFileFault`. It asks for no client certificate yet."""
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION  # NCSC: a client may not start one, and we never do
    _use(context, chain, key)
    return context


def client_context(bundle: Bundle | None, *, trust: Path | None) -> ssl.SSLContext:
    """Return the context to call with: our certificate if there is one, and whom to trust, the web's roots when None.

    Raises `TlsFileFault`. A server may still ask for the certificate after the handshake: by renegotiation in TLS 1.2,
    as VECOZO's gate may (inferred), and by post-handshake authentication in TLS 1.3.
    """
    trusted = None if trust is None else trust_pem(trust)
    if bundle is None:
        return _client_context(trusted)
    return client_context_from(chain_pem(bundle.certificate, bundle.chain), key_pem(bundle.key), trust=trusted)


def client_context_from(chain: bytes, key: bytes, *, trust: str | None) -> ssl.SSLContext:
    """Return the context to call with as `client_context` does, from what would be read: all of it PEM."""
    context = _client_context(trust)
    _use(context, chain, key)
    return context


def trust_pem(path: Path) -> str:
    """Return the authorities of `load_trust`, and nothing else that the file may have in it."""
    return "".join(authority.public_bytes(Encoding.PEM).decode() for authority in load_trust(path))


def load_trust(path: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file of authorities to trust, at least one, or raise `TlsFileFault`."""
    try:
        return tuple(x509.load_pem_x509_certificates(_read(path)))
    except UNREADABLE as error:
        raise TlsFileFault(f"{path} holds no readable PEM certificates to trust: {error}") from error


def _client_context(trust: str | None) -> ssl.SSLContext:
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    context.post_handshake_auth = True
    if trust is None:
        _trust_the_web(context)
    else:
        context.load_verify_locations(cadata=trust)
    return context


def _context(protocol: ssl._SSLMethod) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES))
    _use_groups(context)
    context.set_alpn_protocols(["http/1.1"])  # only its reason phrase separates some of VECOZO's refusals
    # On by default from Python 3.13; set so that every version judges alike.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _use_groups(context: ssl.SSLContext) -> None:
    """Keep the groups to those of the NCSC where OpenSSL is in reach; elsewhere OPENSSL_CONF may do it."""
    with suppress(OpenSSLOutOfReach):
        openssl().control(pointer_to(context), _SET_GROUPS, 0, ":".join(GROUPS).encode())


def _use(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Give the context its certificate by way of a file in memory: Python's ssl reads keys from paths only."""
    try:
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    except (OSError, AttributeError) as error:
        raise TlsFileFault(f"no file in memory could be made ({error}): relay needs Linux with memfd") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + b"\n" + chain)
        file.flush()
        try:
            # An empty password, or OpenSSL would ask the terminal for that of a protected key, and wait.
            context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=b"")
        except ssl.SSLError as error:
            raise TlsFileFault(_pair_fault(error, chain, key)) from error
        except OSError as error:
            raise TlsFileFault(f"/proc/self/fd cannot be read ({error}): mount /proc") from error


def _pair_fault(error: ssl.SSLError, chain: bytes, key: bytes) -> str:
    """Say what is wrong with a pair: OpenSSL itself says little more than 'PEM lib'."""
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        return "there is no PEM certificate: give the certificate followed by its intermediates"
    if b"PRIVATE KEY-----" not in key:
        return "there is no PEM private key: give the key that the certificate was requested with"
    if b"ENCRYPTED" in key:
        return "the private key has a password: take it off with openssl pkey, and protect the file by its mode instead"
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the private key does not belong to the first certificate: put the server's own certificate first"
    return f"OpenSSL refuses certificate or key: {error.reason or error}"


def _trust_the_web(context: ssl.SSLContext) -> None:
    context.load_default_certs()
    if context.get_ca_certs() or _has_files(ssl.get_default_verify_paths().capath):
        return
    raise TlsFileFault("this machine trusts no web authority: install ca-certificates, or name a file of authorities")


def _has_files(folder: str | None) -> bool:
    """Say whether OpenSSL's folder of authorities, which it reads only when one is needed, has any."""
    return folder is not None and any(Path(folder).iterdir())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsFileFault(f"{path} cannot be read: {error.strerror}") from error
