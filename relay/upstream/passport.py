"""What a connection to VECOZO shows: the system certificate, in a TLS context ready for use."""

import ssl
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """One system certificate in force. `serial` is upper-case hexadecimal; `fingerprint` that of the certificate.

    `doubts` are the mistakes made with its file that do not keep it from being used, in words.
    """

    context: ssl.SSLContext
    serial: str
    fingerprint: str
    not_after: datetime
    doubts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Passport {self.serial} until {self.not_after:%Y-%m-%d}>"
