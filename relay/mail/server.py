"""The mail server: connected to for each mail anew, over TLS unless it is this machine, and its refusals understood."""

import asyncio
import os
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPTimeoutError,
)

from relay.people.matter import foreign
from relay.settings.secret import SecretFault, read_secret

# Seconds. Servers let strangers wait on purpose before they greet. Once a whole mail is theirs they may look at it for
# ten minutes (RFC 5321, 4.5.3.2.6): who leaves earlier makes a mail come twice.
_STEP: Final = 30.0
_TAKING: Final = 600.0
_ADDRESS: Final = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
# Letters in a row by which a password would be known again, as it is or in base64.
_KNOWN_BY: Final = 6


class MailFault(Exception):
    """A mail was not taken. The detail says why, without anybody's address; `key` is the setting to look at.

    `final`: the server would say the same again (RFC 5321, 4.2.1: 5yz). `unknown`: it broke off when the mail was
    handed over, so it may have been taken.
    """

    def __init__(self, detail: str, *, key: str = "mail.host", final: bool = False, unknown: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.key = key
        self.final = final
        self.unknown = unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed in, as whom and how; `context` is None where nothing is encrypted."""

    host: str
    port: int
    sender: str
    context: ssl.SSLContext | None
    implicit: bool = False
    user: str | None = None
    password_file: Path | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def secret(self) -> str | None:
        """Return the password as it is now: a new one counts without a restart. Raises MailFault."""
        if self.password_file is None:
            return self.password
        try:
            return read_secret(self.password_file)
        except SecretFault as fault:
            raise MailFault(fault.detail, key="mail.password_file") from None

    async def send(self, to: Sequence[str], octets: bytes) -> dict[str, MailFault]:
        """Hand in one mail; return why some of those in `to` do not get it. Raises MailFault."""
        smtp = self._client()
        try:
            await smtp.connect()
            refused = await _named(smtp, self.sender, to)
            try:
                return refused if len(refused) == len(to) else await _handed_over(smtp, to, refused, octets)
            except (SMTPException, OSError) as error:
                raise MailFault(
                    f"{self} broke off when it had the mail, and may have taken it", unknown=True
                ) from error
        except (SMTPException, OSError, UnicodeError) as error:
            raise self._fault(error) from None
        finally:
            await _leave(smtp)

    async def greet(self) -> str:
        """Connect, greet, encrypt and log in as for a mail, and send none; return how that went. Raises MailFault."""
        smtp = self._client()
        try:
            await smtp.connect()
            await smtp.ehlo()
            session = smtp.get_transport_info("ssl_object")
            how = f"over {session.version()}" if session else "without TLS, on this machine"
            return f"{self} takes mails {how}" + (f", logged in as {self.user}" if self.user else "")
        except (SMTPException, OSError, UnicodeError) as error:
            raise self._fault(error) from None
        finally:
            await _leave(smtp)

    def _client(self) -> SMTP:
        return SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.secret(),
            # Its own name is for servers that hold it against the sender's; this machine's is nobody's business.
            local_hostname=self.sender.rpartition("@")[2],
            timeout=_STEP,
            use_tls=self.implicit,
            start_tls=self.context is not None and not self.implicit,
            tls_context=self.context,
        )

    def _fault(self, error: Exception) -> MailFault:
        """Return it in words for whoever can mend it. Where a cause is under the library's, that says more."""
        match error:
            case SMTPAuthenticationError():
                said = self._said_at_login(error)
                return MailFault(f"{self} does not let {self.user} log in: {said}", key="mail.user")
            case SMTPSenderRefused():
                return MailFault(f"{self} takes no mail from mail.sender: {_said(error)}", key="mail.sender")
            case SMTPResponseException():
                return MailFault(f"{self} refuses: {self._said_at_login(error)}")
        under = error.__cause__ or error
        match under:
            case ssl.SSLCertVerificationError():
                what = f"{self} shows a certificate that is not trusted for {self.host}: {under.verify_message}"
                return MailFault(what, key="mail.trust")
            case ssl.SSLError():
                what = f"{self} shakes no hands in TLS ({under.reason}): is mail.tls right for this port?"
                return MailFault(what, key="mail.tls")
            case SMTPTimeoutError() | TimeoutError():
                return MailFault(f"{self} does not answer in time: is mail.tls right for this port?")
            case SMTPException():
                return MailFault(f"{self}: {foreign(under.message)}")
            case UnicodeError():
                return MailFault(f"{self.host} cannot be the name of a host")
            case OSError(errno=int(number)):
                # Not its own text: asyncio writes there how it called.
                return MailFault(f"{self} cannot be reached: {os.strerror(number) if number > 0 else under.strerror}")
        return MailFault(f"{self} cannot be reached: {foreign(str(under))}")

    def _said_at_login(self, error: SMTPResponseException) -> str:
        """Return the server's words, unless they quote what was sent to log in: some repeat what they refuse."""
        try:
            password = self.secret() or ""
        except MailFault:
            return str(error.code)
        pair = b64encode(f"\0{self.user}\0{password}".encode()).decode()
        sent = (password, b64encode(password.encode()).decode(), pair) if password else ()
        if any(part in error.message for each in sent for part in _parts(each)):
            return f"{error.code}, in words that quote the password"
        return _said(error)


async def _named(smtp: SMTP, sender: str, to: Sequence[str]) -> dict[str, MailFault]:
    """Tell whom a mail is from and for; return who will not get it and why."""
    await smtp.mail(sender)
    refused: dict[str, MailFault] = {}
    for each in to:
        try:
            await smtp.rcpt(each)
        except SMTPResponseException as error:
            refused[each] = _refusal(error)
    return refused


async def _handed_over(
    smtp: SMTP, to: Sequence[str], refused: dict[str, MailFault], octets: bytes
) -> dict[str, MailFault]:
    """Hand it over; return who does not get it and why, beside those who are `refused`."""
    try:
        await smtp.data(octets, timeout=_TAKING)
    except SMTPResponseException as error:
        return refused | {each: _refusal(error) for each in to if each not in refused}
    return refused


def _refusal(error: SMTPResponseException) -> MailFault:
    return MailFault(_said(error), final=500 <= error.code < 600)


def _parts(text: str) -> Iterator[str]:
    """Yield each run of as many letters as it would be known by, the whole where that is shorter."""
    return (text[start : start + _KNOWN_BY] for start in range(max(1, len(text) - _KNOWN_BY + 1)))


def _said(error: SMTPResponseException) -> str:
    """Return the server's words, which often repeat an address, without it."""
    return f"{error.code} {foreign(_ADDRESS.sub('<...>', error.message))}"


async def _leave(smtp: SMTP) -> None:
    """Take leave: what was handed in is, with or without a goodbye, for which nobody waits who is told to stop."""
    task = asyncio.current_task()
    with suppress(SMTPException, OSError):
        if smtp.is_connected and not (task is not None and task.cancelling()):
            await smtp.quit(timeout=5)
    smtp.close()
