"""What a certificate says that it may be used for."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from relay.x509.identity import UNREADABLE


def proves_a_client(certificate: x509.Certificate) -> bool | None:
    """Return whether it was issued to identify a caller (RFC 5280 4.2.1.12), or None when it names no purpose at all.

    Extensions that cannot be read make it False.
    """
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    except (*UNREADABLE, x509.DuplicateExtension):
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes
