"""A mail server that really takes mails: aiosmtpd over real sockets, with TLS, login, and refusals as a test likes."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from relay.authority.issued import Issued
from relay.x509.context import server_context_from
from tests.kit import authority as kit

USER, PASSWORD = "relay@delinde.example", "zeer-geheim"
SENDER = "relay@beheer.example"


@dataclass
class Taken:
    """One mail as it was handed in."""

    sender: str
    to: list[str]
    octets: bytes
    greeting: str
    encrypted: bool
    protocol: str | None
    user: bytes | None

    @property
    def mail(self) -> EmailMessage:
        mail = message_from_bytes(self.octets, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    @property
    def text(self) -> str:
        return str(self.mail.get_content()).replace("\r\n", "\n")


@dataclass
class PostOffice:
    """What it took, and what it says to recipients: the last of `says` stays, one each time before."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    says: dict[str, list[str]] = field(default_factory=dict)
    to_data: list[str] = field(default_factory=list)
    breaks_off: bool = False
    logins: list[bytes] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        self.recipients.append(address)
        answers = self.says.get(address, [])
        answer = (answers.pop(0) if len(answers) > 1 else answers[0]) if answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # likewise
        if self.to_data:
            return self.to_data.pop(0)
        octets = envelope.content
        assert isinstance(octets, bytes)
        assert server.transport is not None
        session_of_tls = server.transport.get_extra_info("ssl_object")
        self.taken.append(
            Taken(
                sender=envelope.mail_from or "",
                to=list(envelope.rcpt_tos),
                octets=octets,
                greeting=session.host_name or "",
                encrypted=session_of_tls is not None,
                protocol=session_of_tls.selected_alpn_protocol() if session_of_tls else None,
                user=getattr(session.auth_data, "login", None),
            )
        )
        if self.breaks_off:
            server.transport.close()
        return "250 taken"

    def judge(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        good = data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False, auth_data=data)


@contextmanager
def post_office(
    *, tls: str = "starttls", login: bool = True, shows: Issued | None = None, port: int = 0
) -> Iterator[PostOffice]:
    """Take mails on loopback for as long as the block lasts, in a thread with a loop of its own."""
    office = PostOffice()
    issued = shows or kit.server()
    context = None if tls == "none" else server_context_from(issued.chain_pem(), issued.key_pem())
    raw, ready, loops = list[asyncio.BaseTransport](), threading.Event(), list[asyncio.AbstractEventLoop]()
    over = asyncio.Event()

    class Remembered(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raw.append(transport)
            super().connection_made(transport)

    def smtp() -> SMTP:
        return Remembered(
            office,
            loop=loops[0],
            hostname="mail.test",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            auth_required=login and tls == "starttls",  # it does not know that what comes by implicit TLS is encrypted
            auth_require_tls=tls == "starttls",
            authenticator=office.judge if login else None,
            auth_exclude_mechanism=[] if login else ["LOGIN", "PLAIN"],
        )

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        server = await loops[0].create_server(smtp, "127.0.0.1", port, ssl=context if tls == "implicit" else None)
        office.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()
        for transport in raw:
            transport.close()
        await asyncio.sleep(0.02)  # for what is called when connections are gone

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield office
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(5)


def mail_settings(folder: Path, office: PostOffice, **more: object) -> dict[str, object]:
    """Return the settings of `[mail]` that lead to this server."""
    (folder / "mail.password").write_text(PASSWORD + "\n")
    settings: dict[str, object] = {
        "mail.host": "localhost",
        "mail.port": office.port,
        "mail.sender": SENDER,
        "mail.user": USER,
        "mail.password_file": "mail.password",
        "mail.trust": "trust.pem",
    }
    settings |= {f"mail.{name}": value for name, value in more.items()}
    return {name: value for name, value in settings.items() if value is not None}
