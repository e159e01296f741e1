"""Faults planted by hand of somebody who had not read the doctor: the command names each, and what to do about it.

Those of the network itself are in tests/e2e/test_faults.py.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.x509.context import server_context_from
from tests.kit import authority as kit
from tests.kit import upstream
from tests.kit.gate import Gate, book
from tests.kit.gate import running as gate_running
from tests.kit.relay import PASSWORD, write_settings
from tests.kit.walked import Told, doctor

pytestmark = pytest.mark.slow

CONTACT, PARTY, SUPPORT = "contact_person", "software_party", "support"
CARD: Mapping[str, object] = {
    "tenants.linde.card.organisation": "Praktijk De Linde",
    "tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": "anna@delinde.example"}],
}
BY_PARTY: Mapping[str, object] = {
    "tenants.linde.card.registration": "party",
    "tenants.linde.card.party": {"name": "Voorbeeld Software", "mail": "support@software.example"},
}
YESTERDAY = kit.AT - timedelta(days=1)
There = Callable[[], AbstractAsyncContextManager[int]]


# -- what is at the other end: each yields its port ---------------------------------------------------------------


def _gate(*registered: str) -> There:
    @asynccontextmanager
    async def there() -> AsyncIterator[int]:
        async with gate_running(Gate(book=book([kit.system()], registered))) as here:
            yield here.port

    return there


def _answers(status: str, body: bytes = b"", *fields: str) -> There:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, ""))

    @asynccontextmanager
    async def there() -> AsyncIterator[int]:
        async with upstream.running(upstream.answering(head.encode() + body)) as here:
            yield here.port
            assert len(here.requests) == 1, "the doctor calls once, and never again"

    return there


def _shows(issued: Callable[[], Issued]) -> There:
    """Somebody who shows this certificate; nothing of a call must come there."""

    @asynccontextmanager
    async def there() -> AsyncIterator[int]:
        shown = issued()
        context = server_context_from(shown.chain_pem(), shown.key_pem())
        async with upstream.running(context=context) as here:
            yield here.port
            assert here.requests == []

    return there


def _talks(says: bytes) -> There:
    """Somebody who does not speak TLS."""

    @asynccontextmanager
    async def there() -> AsyncIterator[int]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(says)
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    return there


@asynccontextmanager
async def _refuses_the_certificate() -> AsyncIterator[int]:
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    context.load_verify_locations(cadata=kit.foreign_authority().trust_pem().decode())
    context.verify_mode = ssl.CERT_REQUIRED
    async with upstream.refusing(context) as port:
        yield port


def _date(off: timedelta) -> str:
    return f"Date: {datetime.now(UTC) + off:%a, %d %b %Y %H:%M:%S} GMT"


REGISTERED = _gate("127.0.0.9")

# -- what is done to the settings and files ------------------------------------------------------------------------


def _file(issued: Callable[[], Issued]) -> Callable[[Path], object]:
    return lambda folder: (folder / "system.p12").write_bytes(issued().p12(PASSWORD))


def _misspell(folder: Path) -> None:
    with (folder / "relay.toml").open("a") as settings:
        settings.write("\ndeadlines.first_bite = 30\n")


def _leave_chain_out(folder: Path) -> None:
    leaf, *_ = re.findall(b"-----BEGIN.*?-----END CERTIFICATE-----\n", kit.server().chain_pem(), re.DOTALL)
    (folder / "server.pem").write_bytes(leaf)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault: at the other end, in the settings, or in a file; and what has to be told of it."""

    told: Told
    there: There = REGISTERED
    changes: Mapping[str, object] = field(default_factory=dict)
    plant: Callable[[Path], object] = lambda folder: None


WELL = b"<s:Envelope><s:Body>VerzoekAkkoord</s:Body></s:Envelope>"
XML = "Content-Type: text/xml"
FAULTS = {
    "a setting misspelt": Fault(
        plant=_misspell,
        told=Told(
            step="settings",
            what="deadlines.first_bite: is not a setting; look for a typing error",
            then="docs/settings.md",
        ),
    ),
    "the server certificate without its chain": Fault(
        plant=_leave_chain_out,
        told=Told(step="server certificate", what="the certificate alone", then="'full chain' file"),
    ),
    "an expired system certificate": Fault(
        plant=_file(kit.expired),
        told=Told(
            step="system certificate",
            what="system.p12: The certificate has expired.",
            then="user number and PIN are needed). If that was done already, export the new one, with the latest "
            "expiry, and nothing else in the same file. Have contact person Anna Voorbeeld do that",
            readers=[CONTACT],
            letter="Het certificaat is verlopen.",
        ),
    ),
    "a wrong password": Fault(
        plant=lambda folder: (folder / "password").write_text("another"),
        told=Told(
            step="system certificate",
            what="The password does not open this file.",
            then="Give the password that was chosen when the file was exported",
            readers=[CONTACT],
            letter="Het wachtwoord dat wij hebben, hoort niet bij het bestand.",
            when="cannot be mended here",
        ),
    ),
    "a person's certificate": Fault(
        plant=_file(kit.personal),
        told=Told(
            step="system certificate",
            what="This is a personal certificate",
            then="Export the system certificate: the one without a person's name",
            readers=[CONTACT],
            letter="Het is een persoonlijk certificaat",
        ),
    ),
    "a test certificate in production": Fault(
        changes={"tenants.linde.environment": "production"},
        plant=_file(lambda: kit.authority().issue_system(kit.USER_NUMBER, "Praktijk De Linde Acceptatie", at=kit.AT)),
        told=Told(
            step="system certificate",
            what="this is a certificate for test or acceptance",
            then="Give the certificate that VECOZO issued for production",
            readers=[CONTACT],
            letter="er is een certificaat voor productie nodig",
        ),
    ),
    "something else on the port": Fault(
        there=_talks(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        told=Told(step="TLS", what="does not speak TLS", then="host and port in the settings", readers=[SUPPORT]),
    ),
    "a firewall that ends TLS": Fault(
        there=_talks(b""),
        told=Told(
            step="TLS",
            what="the connection is ended as soon as TLS begins",
            then="TCP passes and TLS does not, so have whoever keeps the firewall see",
            readers=[SUPPORT],
            when="it stays so",
        ),
    ),
    "a firewall that opens TLS": Fault(
        there=_shows(lambda: kit.foreign_authority().issue_server(["localhost"], at=YESTERDAY)),
        told=Told(
            step="TLS", what="issued by CN=Elsewhere Issuing CA", then="it opens TLS: have whoever keeps it exempt"
        ),
    ),
    "another name at the other end": Fault(
        there=_shows(lambda: kit.authority().issue_server(["elders.example"], at=YESTERDAY)),
        told=Told(step="TLS", what="for elders.example, and not for localhost", then="getent ahostsv4 localhost"),
    ),
    "an expired certificate at the other end": Fault(
        there=_shows(lambda: kit.authority().issue_server(["localhost"], at=kit.AT - timedelta(days=60), days=30)),
        told=Told(step="TLS", what="the certificate shown there expired on", then="has to renew it"),
    ),
    "a certificate refused in the handshake": Fault(
        there=_refuses_the_certificate,
        told=Told(
            step="certificate accepted",
            what="TLS alert unknown_ca",
            then="relay certificate show",
            readers=[CONTACT, SUPPORT],
        ),
    ),
    "an address that is not registered, and nobody who saw it": Fault(
        there=_gate(),
        changes=BY_PARTY,
        told=Told(
            step="address registered",
            what="403 Forbidden",
            then="first make sure that it is 127.0.0.9: `relay doctor --witness URL`. Have Voorbeeld Software register",
            readers=[PARTY, CONTACT, SUPPORT],
            letter="IP-adres 127.0.0.9",
        ),
    ),
    "the quota exceeded": Fault(
        there=_answers("429 Too Many Requests"),
        told=Told(
            step="one harmless call",
            what="The quota is exceeded",
            then="only after their word",
            readers=[SUPPORT],
            letter="antwoord 429",
        ),
    ),
    "a path that is not there": Fault(
        there=_answers("404 Not Found"),
        told=Told(
            step="one harmless call", what="404 Not Found", then="/acc/cov/vz801802/v1/soap11 is the service's path"
        ),
    ),
    "a page instead of the service": Fault(
        there=_answers("200 OK", b"<html>Welkom op het gastennetwerk</html>", "Content-Type: text/html"),
        told=Told(step="one harmless call", what="not in SOAP", then="/acc/cov/vz801802/v1/soap11"),
    ),
    "a clock that is hours off": Fault(
        there=_answers("200 OK", WELL, XML, _date(-timedelta(hours=3))),
        told=Told(step="clock", what="3 hours ahead of localhost", then="timedatectl set-ntp true"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_is_named_with_its_remedy(tmp_path: Path, fault: Fault) -> None:
    async with fault.there() as port:
        write_settings(tmp_path, port, changes={**CARD, **fault.changes})
        fault.plant(tmp_path)
        walked = await doctor(tmp_path)
    fault.told.of(walked)


async def test_on_a_road_that_is_whole_nothing_is_complained_of(tmp_path: Path) -> None:
    async with REGISTERED() as port:
        write_settings(tmp_path, port, changes=CARD)
        walked = await doctor(
            tmp_path, "--witness", f"https://localhost:{port}/whoami", "--report", str(tmp_path / "r.md")
        )
    assert (walked.exit, walked.errors, walked.at("failed")) == (0, "", [])
    assert "localhost:" in (tmp_path / "r.md").read_text()
    # The kit's authority is not the public web's, its port any free one, loopback is for rehearsals; nobody is mailed.
    assert {each["step"] for each in walked.at("warning", "note")} == {"server certificate", "source address", "mail"}
