"""A real mail server on the other end: what is handed in, what is refused, and how each fault is told."""

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.compose.relay.build import build_mail
from relay.mail.message import message
from relay.mail.server import MailFault, MailServer
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
        with pytest.raises(MailFault, match=r"cannot be reached.*refused") as caught:
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
