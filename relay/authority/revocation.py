"""What an authority says it has revoked: one list (CRL, RFC 5280 section 5) for each that signs certificates."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority.signing import Holder

_PEM: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


def revoked_by(issuer: Holder, lists: bytes) -> dict[int, datetime]:
    """Return what the issuer revoked according to its own list among these, PEM: serial numbers, and since when."""
    crls = (x509.load_pem_x509_crl(pem) for pem in _PEM.findall(lists))
    own = (crl for crl in crls if crl.issuer == issuer.certificate.subject)
    return {entry.serial_number: entry.revocation_date_utc for crl in own for entry in crl}


def revocation_list(issuer: Holder, revoked: Mapping[int, datetime], *, at: datetime, days: int) -> bytes:
    """Return the issuer's list as PEM: serial numbers, and when each was revoked. The next is due after `days`."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(at + timedelta(days=days))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
        # It has to grow (section 5.2.3), and time does so without anybody keeping count.
        .add_extension(x509.CRLNumber(int(at.timestamp() * 1000)), critical=False)
    )
    for serial, since in revoked.items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)
