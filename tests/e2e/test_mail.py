"""The whole relay, in one process and in three: refused calls become one mail, and nothing of a call is in it."""

import asyncio
from pathlib import Path

import pytest

from relay.compose.relay.mailing import diary_of
from tests.compose.test_mailing import ANNA, BRAM, CARD
from tests.gateway.test_secrecy import BSN, TOKEN
from tests.kit import authority as kit
from tests.kit import upstream
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.mail import PASSWORD, PostOffice, mail_settings, post_office
from tests.kit.relay import PASSWORD as P12_PASSWORD
from tests.kit.relay import PATH
from tests.kit.served import Served, served, served_again

pytestmark = pytest.mark.slow
SENT = 'relay_mails_total{matter="address_or_blocked",result="accepted",tenant="linde"}'


async def _refused(exchange: upstream.Exchange) -> None:
    fields = f"X-Said: {BSN} {TOKEN}\r\nContent-Length: 0\r\n".encode()
    await exchange.answer(b"HTTP/1.1 403 Forbidden\r\n%b\r\n" % fields)


async def _call(here: Served) -> int:
    fields = [("X-Api-Key", here.key), ("Content-Type", "text/xml"), ("SOAPAction", f'"{BSN}"'), ("Cookie", TOKEN)]
    octets = request("POST", f"{PATH}/{BSN}?code={TOKEN}", *fields, body=f"<Bsn>{BSN}</Bsn>{TOKEN}".encode())
    async with line(here.port) as caller:
        return (await (await caller.send(octets)).answer()).status


async def _mailed(here: Served, office: PostOffice) -> None:
    await until(lambda: office.taken, seconds=15)
    await asyncio.sleep(6)  # another process that mails would have by now, and so would another round
    assert f"{SENT} 2.0" in (await here.ask_operator("/metrics"))[1]


@pytest.mark.parametrize("workers", [1, 2])
async def test_refused_calls_become_one_mail_that_holds_nothing_of_a_call(tmp_path: Path, workers: int) -> None:
    with post_office() as office:
        async with upstream.running(_refused) as theirs:
            changes = {"workers": workers} | CARD | mail_settings(tmp_path, office)
            with served(tmp_path, theirs.port, changes=changes) as here:
                assert [await _call(here) for _ in range(5)] == [403, 403, 403, 503, 503]
                await _mailed(here, office)
                [told] = here.events("mail_sent")
                assert (told["tenant"], told["matter"], told["to"]) == ("linde", "address_or_blocked", 2)
                key, log = here.key, here.log.read_bytes()
            with served_again(tmp_path, key) as again:
                await asyncio.sleep(6)
                assert again.events("guard_holding") == []
    [taken] = office.taken
    assert taken.to == [ANNA, BRAM]
    assert "cov op localhost" in taken.text
    assert "403 Forbidden" in taken.text
    whole = taken.octets + taken.text.encode() + str(taken.mail.items()).encode()
    for secret in (BSN, TOKEN, key, PASSWORD):
        assert secret.encode() not in whole
    for private in (ANNA, BRAM, "Anna Voorbeeld", PASSWORD):
        assert private.encode() not in log
    assert ANNA in diary_of(tmp_path / "relay.state").read_text()


async def test_a_mail_server_that_never_answers_costs_no_call_anything(tmp_path: Path) -> None:
    def accepting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(accepting, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with upstream.running() as theirs:
            changes = CARD | mail_settings(tmp_path, PostOffice(port=port))
            issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT, days=40)
            with served(tmp_path, theirs.port, changes=changes, certificate=issued.p12(P12_PASSWORD)) as here:
                await until(lambda: held, seconds=15)
                assert [await _call(here) for _ in range(5)] == [200] * 5
    finally:
        for writer in held:
            writer.close()
        server.close()
