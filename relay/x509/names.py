"""The names that a server certificate proves: under which callers may come."""

from cryptography import x509

from relay.x509.identity import UNREADABLE


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the DNS names and IP addresses in the subject alternative name, lower case; none where it has none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return frozenset()
    dns = names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset(name.lower() for name in dns) | frozenset(str(address) for address in addresses)
