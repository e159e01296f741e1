"""A mail as it travels: RFC 5322, and RFC 3834's word that no person wrote it. Pure."""

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

# The subject and text of a letter are made of settings, which are single lines, and of strangers' words made fit: that
# no header can be ended by them is seen to again here, by EmailMessage, which refuses a line end in one.


def message(*, sender: str, to: Sequence[str], subject: str, text: str, at: datetime, occasion: Sequence[str]) -> bytes:
    """Return the mail to these addresses, with CRLF line ends.

    `occasion` is what it is about, and told since when: the same mail sent again has the same Message-ID, so that a
    mailbox that got it before the relay could write that down shows it once. Raises ValueError where a header would
    have a line end in it.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name="Relay voor VECOZO", addr_spec=sender)
    mail["To"] = [Address(addr_spec=each) for each in to]
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{_digest(*occasion, *to)}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = "nl"
    # Every server takes seven bits; a line of a letter may be longer than the 998 octets that one may have.
    mail.set_content(text, charset="utf-8", cte="quoted-printable")
    return mail.as_bytes()


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:40]
