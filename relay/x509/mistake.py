"""The mistakes that are made with certificate files, each with what to do about it (domain: the certificate file)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Mistake(StrEnum):
    """What went wrong between VECOZO's portal and the file that relay was given."""

    EMPTY = "empty"
    NOT_PKCS12 = "not_pkcs12"
    BASE64 = "base64"
    PEM = "pem"
    CERTIFICATE_ONLY = "certificate_only"
    DAMAGED = "damaged"
    NO_PASSWORD = "no_password"  # noqa: S105 - the name of a mistake, no password
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a mistake, no password
    UNSUPPORTED = "unsupported"
    NO_KEY = "no_key"
    NO_CERTIFICATE = "no_certificate"
    PERSONAL = "personal"
    WRONG_PURPOSE = "wrong_purpose"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    CHAIN_LEFT_OUT = "chain_left_out"
    TEST_CERTIFICATE = "test_certificate"
    TEST_IN_PRODUCTION = "test_in_production"
    NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A mistake in words: what is wrong, and the remedy. `fatal` ones make the file unusable."""

    what: str
    remedy: str
    fatal: bool = True


_EXPORT_AGAIN = (
    "Export it again. Windows: tick 'Yes, export the private key'. Mac: trust the certificate first, unfold it in"
    " Keychain Access and export the key under it. Firefox: 'Your Certificates', then 'Backup'."
)

MISTAKES: Mapping[Mistake, Wording] = MappingProxyType(
    {
        Mistake.EMPTY: Wording(what="The file is empty.", remedy="Copy or export the file again."),
        Mistake.NOT_PKCS12: Wording(
            what="This is not a certificate file at all.",
            remedy="Give the .pfx or .p12 file that you exported from the browser or the keychain.",
        ),
        Mistake.BASE64: Wording(
            what="This is text: a certificate file in base64, as some key vaults hand it out.",
            remedy="Decode it first: base64 --decode FILE > certificate.p12",
        ),
        Mistake.PEM: Wording(
            what="This is a PEM file; a PKCS#12 file (.pfx or .p12) is needed.",
            remedy="Convert it: openssl pkcs12 -export -in FILE -out certificate.p12 (it asks for a new password).",
        ),
        Mistake.CERTIFICATE_ONLY: Wording(
            what="This file (.cer, .crt or .p7b) holds the certificate alone, without its private key.",
            remedy=_EXPORT_AGAIN,
        ),
        Mistake.DAMAGED: Wording(
            what="The file is cut short.", remedy="Copy it again, in binary mode, or export it again."
        ),
        Mistake.NO_PASSWORD: Wording(
            what="The file is protected by a password, and none was given.",
            remedy=(
                "Write the password that was chosen when the file was exported in a file of its own, and name that:"
                " --password-file, or certificate.password_file in the settings."
            ),
        ),
        Mistake.WRONG_PASSWORD: Wording(
            what="The password does not open this file.",
            remedy=(
                "Give the password that was chosen when the file was exported: not VECOZO's PIN, nor the password of"
                " the computer. If it is lost, export the certificate again with a new one."
            ),
        ),
        Mistake.UNSUPPORTED: Wording(
            what="The file is encrypted in a way, or holds a kind of key, that relay does not know.",
            remedy="Export it again and choose AES256-SHA256, or TripleDES-SHA1, as encryption.",
        ),
        Mistake.NO_KEY: Wording(what="The file was exported without its private key.", remedy=_EXPORT_AGAIN),
        Mistake.NO_CERTIFICATE: Wording(
            what="The file holds a private key, but not the certificate that belongs to it.",
            remedy="Export the certificate together with its key, from the computer where it was installed.",
        ),
        Mistake.PERSONAL: Wording(
            what="This is a personal certificate: it logs in to VECOZO's portal and can never call a service.",
            remedy="Export the system certificate: the one without a person's name in it and with the latest expiry.",
        ),
        Mistake.WRONG_PURPOSE: Wording(
            what="This certificate was not issued to identify a caller (client authentication).",
            remedy="Export the system certificate that VECOZO issued.",
        ),
        Mistake.NOT_YET_VALID: Wording(
            what="The certificate is not valid yet.",
            remedy="Check this computer's clock, or keep using the old certificate until then.",
        ),
        Mistake.EXPIRED: Wording(
            what="The certificate has expired.",
            remedy=(
                "Renew it at VECOZO (user number and PIN are needed). If that was done already, export the new one,"
                " with the latest expiry, and nothing else in the same file."
            ),
        ),
        Mistake.CHAIN_LEFT_OUT: Wording(
            what="The certificates above it were left out of the file.",
            remedy=(
                "It may work as it is. If VECOZO answers 'Invalid Client Certificate', export again and tick 'Include"
                " all certificates in the certification path if possible'."
            ),
            fatal=False,
        ),
        Mistake.TEST_CERTIFICATE: Wording(
            what="By its names this looks like a certificate for test or acceptance (a guess).",
            remedy="Use it for those environments only: production needs another one.",
            fatal=False,
        ),
        Mistake.TEST_IN_PRODUCTION: Wording(
            what="By its names this is a certificate for test or acceptance (a guess), and it would go to production.",
            remedy=(
                "Give the certificate that VECOZO issued for production. If this is that one all the same, list its"
                " SHA-256 as certificate.fingerprints (`relay certificate show` prints it)."
            ),
        ),
        Mistake.NOT_LISTED: Wording(
            what="This is another certificate than those that the settings list by fingerprint.",
            remedy=(
                "Give one of those, or list this one's SHA-256 as certificate.fingerprints (`relay certificate show`"
                " prints it)."
            ),
        ),
    }
)
