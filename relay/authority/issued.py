"""A certificate with its key and chain, as handed out: PEM for servers, PKCS#12 for people."""

from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from relay.x509 import pem


class Encryption(StrEnum):
    """How a PKCS#12 file is encrypted: as today's tools do, or as Windows and macOS still do by default."""

    AES = "aes"
    TRIPLE_DES = "3des"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Issued:
    """What the authority hands to a holder. The chain runs from the intermediate to the root."""

    certificate: x509.Certificate
    key: pem.Key
    chain: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        subject = self.certificate.subject.rfc4514_string()
        return f"<Issued {subject} until {self.certificate.not_valid_after_utc:%Y-%m-%d}>"

    def p12(self, password: str | None, *, encryption: Encryption = Encryption.AES, with_chain: bool = True) -> bytes:
        """Return a PKCS#12 file; without password it is not encrypted at all."""
        return serialize_key_and_certificates(
            name=self.certificate.subject.rfc4514_string().encode(),
            key=self.key,
            cert=self.certificate,
            cas=self.chain if with_chain else None,
            encryption_algorithm=_encryption(password, encryption),
        )

    def chain_pem(self) -> bytes:
        """Return the certificate and its intermediates, as a server sends them."""
        return pem.chain_pem(self.certificate, self.chain)

    def key_pem(self) -> bytes:
        """Return the private key, unencrypted: write it to a file that only its owner can read."""
        return pem.key_pem(self.key)


def _encryption(password: str | None, encryption: Encryption) -> KeySerializationEncryption:
    if password is None:
        return NoEncryption()
    if encryption is Encryption.AES:
        return BestAvailableEncryption(password.encode())
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2048)  # what Windows writes
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - the format of such files; nothing new is protected by it
        .build(password.encode())
    )
