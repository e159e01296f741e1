"""A real mail server on the other end: what is handed in, what is refused, and how each fault is told."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.compose.relay.build import build_mail
from relay.mail.message import message
from relay.mail.server import MailFault, MailServer
from relay.x509.context import server_context_from
from tests.kit import authority as kit
from tests.kit.mail import PASSWORD, SENDER, USER, PostOffice, mail_settings, post_office
from tests.kit.relay import read_settings, write_settings

ANNA, BRAM = "anna@delinde.example", "bram@delinde.example"
OCTETS = message(
    sender=SENDER,
    to=[ANNA],
    subject="Één vraag",
    text="Beste Anna,\n.\n\n.punt\n",
    at=datetime.now(UTC),
    occasion=["a"],
)


def server(folder: Path, office: PostOffice, **more: object) -> MailServer:
    write_settings(folder, 1, changes=mail_settings(folder, office, **more))
    made = build_mail(read_settings(folder))
    assert made is not None
    return made


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_mail_is_handed_in_encrypted_and_logged_in(tmp_path: Path, tls: str) -> None:
    with post_office(tls=tls) as office:
        assert await server(tmp_path, office, tls=tls).send([ANNA, BRAM], OCTETS) == {}
    [taken] = office.taken
    assert (taken.sender, taken.to, taken.user) == (SENDER, [ANNA, BRAM], USER.encode())
    assert taken.encrypted
    assert taken.protocol is None  # HTTP, which this server would speak by its context, was not asked for
    assert taken.greeting == "beheer.example"
    assert taken.text == "Beste Anna,\n.\n\n.punt\n"


async def test_this_machine_may_be_spoken_to_in_the_clear(tmp_path: Path) -> None:
    with post_office(tls="none", login=False) as office:
        here = server(tmp_path, office, tls="none", user=None, password_file=None, trust=None)
        assert await here.send([ANNA], OCTETS) == {}
    assert [taken.encrypted for taken in office.taken] == [False]


async def test_whoever_is_refused_is_told_apart_and_the_others_get_it(tmp_path: Path) -> None:
    with post_office() as office:
        office.says = {BRAM: [f"550 5.1.1 <{BRAM}> is not here"], ANNA: ["451 4.7.1 later", "250 OK"]}
        here = server(tmp_path, office)
        first = await here.send([ANNA, BRAM], OCTETS)
        assert {each: fault.final for each, fault in first.items()} == {ANNA: False, BRAM: True}
        assert first[BRAM].detail == "550 5.1.1 <...> is not here"
        assert not office.taken
        assert list(await here.send([ANNA, BRAM], OCTETS)) == [BRAM]
    assert [taken.to for taken in office.taken] == [[ANNA]]


async def test_a_mail_that_is_refused_whole_is_nobodys(tmp_path: Path) -> None:
    with post_office() as office:
        office.to_data = ["554 5.7.1 looks like spam", "451 4.3.0 disk full"]
        here = server(tmp_path, office)
        for final in (True, False):
            refused = await here.send([ANNA, BRAM], OCTETS)
            assert {each: fault.final for each, fault in refused.items()} == {ANNA: final, BRAM: final}


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(MailFault, match=r"cannot be reached: Connection refused$") as caught:
            await server(tmp_path, PostOffice(port=taken.getsockname()[1])).send([ANNA], OCTETS)
    assert caught.value.key == "mail.host"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_server_that_proves_to_be_somebody_else_gets_neither_mail_nor_password(
    tmp_path: Path, tls: str
) -> None:
    for shows in (
        kit.foreign_authority().issue_server(["localhost"], [], at=kit.AT),
        kit.authority().issue_server(["elsewhere.example"], [], at=kit.AT),
    ):
        with post_office(tls=tls, shows=shows) as office:
            with pytest.raises(MailFault, match="is not trusted for localhost") as caught:
                await server(tmp_path, office, tls=tls).send([ANNA], OCTETS)
            assert caught.value.key == "mail.trust"
        assert (office.taken, office.logins) == ([], [])


async def test_a_server_without_starttls_gets_nothing_in_the_clear(tmp_path: Path) -> None:
    with post_office(tls="none", login=False) as office, pytest.raises(MailFault, match="STARTTLS"):
        await server(tmp_path, office).send([ANNA], OCTETS)
    assert (office.taken, office.recipients) == ([], [])


async def test_a_wrong_password_is_told_without_it_and_a_new_one_counts_at_once(tmp_path: Path) -> None:
    with post_office() as office:
        here = server(tmp_path, office)
        (tmp_path / "mail.password").write_text("verkeerd")
        with pytest.raises(MailFault, match=f"does not let {USER} log in: 535") as caught:
            await here.send([ANNA], OCTETS)
        assert caught.value.key == "mail.user"
        assert "verkeerd" not in caught.value.detail
        (tmp_path / "mail.password").write_text(PASSWORD)
        assert await here.send([ANNA], OCTETS) == {}
        (tmp_path / "mail.password").unlink()
        with pytest.raises(MailFault, match="does not exist"):
            await here.send([ANNA], OCTETS)


async def test_it_can_be_greeted_without_a_mail(tmp_path: Path) -> None:
    with post_office() as office:
        told = await server(tmp_path, office).greet()
    assert told == f"localhost:{office.port} takes mails over TLSv1.3, logged in as {USER}"
    assert (office.taken, office.recipients, len(office.logins)) == ([], [], 1)


async def test_its_repr_holds_no_password(tmp_path: Path) -> None:
    here = replace(server(tmp_path, PostOffice(port=1)), password="geheim!")
    assert "geheim!" not in repr(here)


@asynccontextmanager
async def _saying(answer: Callable[[bytes], bytes], *, once: bool = False) -> AsyncIterator[PostOffice]:
    """Run a server that greets and answers each line as it is told, only `once` perhaps; nothing is encrypted."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            writer.write(answer(line))
            if once:
                break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield PostOffice(port=listening.sockets[0].getsockname()[1])


@pytest.mark.parametrize("quoted", [slice(None), slice(30)], ids=["whole", "cut off"])
@pytest.mark.parametrize("mechanism", [b"PLAIN", b"LOGIN", b"nothing"])
async def test_a_server_that_quotes_what_it_refuses_has_no_password_told(
    tmp_path: Path, mechanism: bytes, quoted: slice
) -> None:
    def answer(line: bytes) -> bytes:
        if line.startswith(b"EHLO"):
            return b"250-here\r\n250 AUTH %b\r\n" % (mechanism if mechanism != b"nothing" else b"PLAIN")
        if line.startswith(b"AUTH LOGIN"):
            return b"334 UGFzc3dvcmQ6\r\n"
        said = f" {PASSWORD}".encode() if mechanism == b"nothing" else line.strip()
        return b"500 5.3.3 unknown: " + said[quoted] + b"\r\n"

    async with _saying(answer) as office:
        here = server(tmp_path, office, tls="none", trust=None)
        with pytest.raises(MailFault, match="log in: 500") as caught:
            await here.send([ANNA], OCTETS)
    assert caught.value.key == "mail.user"
    plain = b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, b64encode(PASSWORD.encode()).decode(), plain):
        assert secret[:8] not in caught.value.detail


async def test_a_server_that_goes_away_after_its_greeting_is_told(tmp_path: Path) -> None:
    async with _saying(lambda line: b"250 here\r\n", once=True) as office:
        here = server(tmp_path, office, tls="none", trust=None, user=None, password_file=None)
        for _ in range(5):
            with suppress(MailFault):
                assert "takes mails" in await here.greet()


@pytest.mark.parametrize("host", ["smtp..delinde.example", "a" * 64 + ".example"])
async def test_a_host_that_cannot_be_one_is_told(tmp_path: Path, host: str) -> None:
    here = server(tmp_path, PostOffice(port=1), host=host)
    for way in (here.greet(), here.send([ANNA], OCTETS)):
        with pytest.raises(MailFault, match="cannot be the name of a host") as caught:
            await way
        assert caught.value.key == "mail.host"


async def test_a_server_that_falls_silent_keeps_nobody_who_is_told_to_stop(tmp_path: Path) -> None:
    fell_silent = asyncio.Event()

    def answer(line: bytes) -> bytes:
        if line.startswith(b"EHLO"):
            return b"250 here\r\n"
        fell_silent.set()
        return b""

    async with _saying(answer) as office:
        here = server(tmp_path, office, tls="none", trust=None, user=None, password_file=None)
        sending = asyncio.create_task(here.send([ANNA], OCTETS))
        await fell_silent.wait()
        sending.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait([sending])
    assert sending.cancelled()


async def test_what_is_said_before_tls_counts_for_nothing_after_it(tmp_path: Path) -> None:
    """Somebody on the way may put answers behind the server's last word in the clear: CVE-2011-0411."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for said in (b"220 here\r\n", b"250-here\r\n250 STARTTLS\r\n"):
            writer.write(said)
            await reader.readline()
        writer.write(
            b"220 go on\r\n250-forged\r\n250 AUTH PLAIN\r\n235 in\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 taken\r\n"
        )
        await writer.start_tls(server_context_from(kit.server().chain_pem(), kit.server().key_pem()))
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250-here\r\n250 AUTH LOGIN\r\n" if line.startswith(b"EHLO") else b"535 5.7.8 no\r\n")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        here = server(tmp_path, PostOffice(port=listening.sockets[0].getsockname()[1]))
        async with asyncio.timeout(5):
            with pytest.raises(MailFault, match="log in: 535"):
                await here.send([ANNA], OCTETS)
    assert [line.split()[:2] for line in heard] == [[b"EHLO", b"beheer.example"], [b"AUTH", b"LOGIN"]]
