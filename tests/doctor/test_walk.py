"""The doctor walks a real road: a good one passes, and each planted fault is named with its step, cause and remedy."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from relay.compose.relay import build
from relay.doctor.departure import Departure
from relay.doctor.finding import Finding, State, Step
from relay.doctor.itinerary import Way, built_ways, ways_of
from relay.doctor.teller import Teller
from relay.doctor.walk import walk
from relay.people.letter import Reader
from relay.upstream.refusal import Readings
from relay.upstream.transport import Patience
from tests.kit import authority as kit
from tests.kit import redis as shared_store
from tests.kit import upstream
from tests.kit.cov import headers, question
from tests.kit.gate import Gate, book, running
from tests.kit.line import line, request
from tests.kit.mail import mail_settings, post_office
from tests.kit.registry_api import rehearsed
from tests.kit.relay import PASSWORD, PATH, read_settings, relay, write_settings
from tests.kit.witness import World, telling

pytestmark = pytest.mark.slow

CONTACT, SUPPORT = Reader.CONTACT_PERSON, Reader.SUPPORT
CARD: dict[str, object] = {
    "tenants.linde.card.organisation": "Praktijk De Linde",
    "tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": "anna@delinde.example"}],
}
REGISTERED = ("127.0.0.9",)


async def walked(
    folder: Path, *, witnesses: Sequence[str] = (), off: timedelta = timedelta(), calls: bool = True
) -> list[Finding]:
    """Walk by the settings in the folder, with a clock that is off by so much."""
    findings: list[Finding] = []
    await walk(
        read_settings(folder),
        findings.append,
        witnesses=witnesses,
        now=lambda: datetime.now(UTC) + off,
        calls=calls,
    )
    return findings


@asynccontextmanager
async def gate(registered: Sequence[str] = REGISTERED) -> AsyncIterator[Gate]:
    async with running(Gate(book=book([kit.system(), kit.expired()], registered))) as here:
        yield here


def _ways(folder: Path) -> list[Way]:
    settings = read_settings(folder)
    return list(ways_of(settings, built_ways(settings, kit.AT)))


def failed(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.state is State.FAILED]


def steps(findings: Sequence[Finding], state: State) -> list[Step]:
    return [each.step for each in findings if each.state is state]


async def test_a_good_road_passes_every_step(tmp_path: Path) -> None:
    async with gate() as here:
        with post_office() as office, shared_store.redis(tmp_path) as store:
            write_settings(tmp_path, here.port, changes={**CARD, **mail_settings(tmp_path, office), **store.changes})
            findings = await walked(tmp_path, witnesses=[f"https://localhost:{here.port}/whoami"])
    assert failed(findings) == []
    assert (len(office.logins), office.recipients) == (1, [])
    assert set(steps(findings, State.GOOD)) == set(Step)
    # The kit's authority is none of the public web, the settings let any port be taken, and loopback is for rehearsals.
    told = steps(findings, State.WARNING) + steps(findings, State.NOTE)
    assert set(told) == {Step.SERVER_CERTIFICATE, Step.SOURCE}
    [(_, method, service)] = here.passages
    assert (method, service) == ("POST", "/acc/cov/vz801802/v1/soap11")


async def test_what_is_not_good_always_says_what_comes_next(tmp_path: Path) -> None:
    async with gate(registered=()) as here:
        write_settings(tmp_path, here.port)
        findings = await walked(tmp_path)
    assert [each.what for each in findings if each.state is not State.GOOD and not each.next] == []


@dataclass(kw_only=True)
class Fault:
    """A fault to plant before the walk, and what has to be told of it."""

    changes: Mapping[str, object] = field(default_factory=dict)
    plant: Callable[[Path], object] = lambda folder: None
    registered: Sequence[str] = REGISTERED
    off: timedelta = timedelta()
    step: Step
    what: str
    then: str
    readers: Sequence[Reader] = ()


def _server(**dates: object) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        issued = kit.authority().issue_server(["localhost"], **dates)  # type: ignore[arg-type]  # the dates
        (folder / "server.pem").write_bytes(issued.chain_pem())
        (folder / "server.key").write_bytes(issued.key_pem())

    return plant


def _write(name: str, octets: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(octets())


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


FAULTS = {
    "no server certificate": Fault(
        plant=lambda folder: (folder / "server.pem").unlink(),
        step=Step.SERVER_CERTIFICATE,
        what="listen.certificate",
        then="relay check",
    ),
    "server certificate expired": Fault(
        plant=_server(at=kit.AT - timedelta(days=60), days=30),
        step=Step.SERVER_CERTIFICATE,
        what="expired",
        then="issued anew",
    ),
    "server certificate of tomorrow": Fault(
        plant=_server(at=kit.AT + timedelta(days=1)), step=Step.SERVER_CERTIFICATE, what="valid from", then="clock"
    ),
    "chain left out": Fault(
        plant=_write("server.pem", lambda: kit.server().certificate.public_bytes(Encoding.PEM)),
        step=Step.SERVER_CERTIFICATE,
        what="alone",
        then="intermediate certificates",
    ),
    "callers come by another name": Fault(
        changes={"listen.names": ["relay.example"]},
        step=Step.SERVER_CERTIFICATE,
        what="relay.example",
        then="listen.names",
    ),
    "no certificate file": Fault(
        plant=lambda folder: (folder / "system.p12").unlink(),
        step=Step.SYSTEM_CERTIFICATE,
        what="does not exist",
        then="tenants.linde.certificate.file",
    ),
    "no password file": Fault(
        plant=lambda folder: (folder / "password").unlink(),
        step=Step.SYSTEM_CERTIFICATE,
        what="does not exist",
        then="tenants.linde.certificate.password_file",
    ),
    "no authorities of the upstream": Fault(
        plant=lambda folder: (folder / "trust.pem").write_text("none"),
        step=Step.SYSTEM_CERTIFICATE,
        what="holds no readable PEM certificates",
        then="tenants.linde.trust",
    ),
    "wrong password": Fault(
        plant=lambda folder: (folder / "password").write_text("another"),
        step=Step.SYSTEM_CERTIFICATE,
        what="The password does not open this file",
        then="not VECOZO's PIN",
        readers=[CONTACT],
    ),
    "certificate expired": Fault(
        plant=_write("system.p12", lambda: kit.expired().p12(PASSWORD)),
        step=Step.SYSTEM_CERTIFICATE,
        what="expired",
        then="new file",
        readers=[CONTACT],
    ),
    "personal certificate": Fault(
        plant=_write("system.p12", lambda: kit.personal().p12(PASSWORD)),
        step=Step.SYSTEM_CERTIFICATE,
        what="person",
        then="new file",
        readers=[CONTACT],
    ),
    "certificate without its key": Fault(
        plant=_write("system.p12", lambda: kit.der(kit.system())),
        step=Step.SYSTEM_CERTIFICATE,
        what="private key",
        then="new file",
        readers=[CONTACT],
    ),
    "name unknown": Fault(
        changes={"tenants.linde.routes": [{"name": "x", "prefix": "/acc/cov", "upstream": "https://nowhere.invalid"}]},
        step=Step.NAME,
        what="nowhere.invalid",
        then="getent ahostsv4 nowhere.invalid",
    ),
    "source address gone": Fault(
        changes={"tenants.linde.egress.source_address": "192.0.2.1"},
        step=Step.SOURCE,
        what="192.0.2.1 is not an address of this machine",
        then="ip -4 address",
    ),
    "the world sees another address": Fault(
        changes={"tenants.linde.egress.public_address": "203.0.113.10"},
        step=Step.SEEN,
        what="sees 127.0.0.9, and 203.0.113.10 is configured",
        then="Anna Voorbeeld",
        readers=[CONTACT],
    ),
    "clock wrong": Fault(off=timedelta(minutes=-20), step=Step.CLOCK, what="20 minutes behind", then="timedatectl"),
    "upstream not trusted": Fault(
        plant=_write("trust.pem", lambda: kit.foreign_authority().trust_pem()),
        step=Step.TLS,
        what="issued by CN=Rehearsal G4 Issuing CA",
        then="exempt localhost",
    ),
    "certificate not accepted": Fault(
        plant=_write("system.p12", lambda: kit.foreign().p12(PASSWORD)),
        step=Step.ACCEPTED,
        what="403 Invalid Client Certificate",
        then="does not accept system certificate",
        readers=[CONTACT, SUPPORT],
    ),
    "address not registered": Fault(
        registered=["127.0.0.8"],
        step=Step.REGISTERED,
        what="403 Forbidden",
        then="Anna Voorbeeld register 127.0.0.9",
        readers=[CONTACT, SUPPORT],
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_planted_fault_is_named_with_what_to_do_next(tmp_path: Path, fault: Fault) -> None:
    async with gate(fault.registered) as here:
        write_settings(tmp_path, here.port, changes=CARD | dict(fault.changes))
        fault.plant(tmp_path)
        # A gate that shows a certificate that is not trusted is no witness either.
        witnesses = [f"https://localhost:{here.port}/whoami"] if fault.step is not Step.TLS else []
        findings = await walked(tmp_path, witnesses=witnesses, off=fault.off)
    [found] = failed(findings)
    assert found.step is fault.step
    assert fault.what in found.what
    assert fault.then in found.next
    assert [letter.reader for letter in found.letters] == list(fault.readers)
    for letter in found.letters:
        assert "Praktijk De Linde" in letter.text
        assert "127.0.0.9" in letter.text or "203.0.113.10" in letter.text


async def test_a_registry_that_has_not_the_address_ends_the_road_before_any_call(tmp_path: Path) -> None:
    async with gate() as here, rehearsed(tmp_path) as registry:
        write_settings(tmp_path, here.port, changes=CARD | registry.settings())
        [found] = failed(await walked(tmp_path))
        assert here.passages == []
        assert (found.step, [each.reader for each in found.letters]) == (Step.REGISTERED, [CONTACT])
        assert "does not have 127.0.0.9" in found.what
        assert "Anna Voorbeeld" in found.next
        assert "IP-adres 127.0.0.9 registreren" in found.letters[0].text
        registry.register("127.0.0.9")
        findings = await walked(tmp_path)
        assert failed(findings) == []
        assert steps(findings, State.GOOD).count(Step.REGISTERED) == 2  # the registry says so, and so does the gate
        registry.away = True
        findings = await walked(tmp_path)
        assert failed(findings) == []
        assert Step.REGISTERED in steps(findings, State.WARNING)


async def test_a_road_ends_where_it_breaks(tmp_path: Path) -> None:
    async with gate() as here:
        write_settings(tmp_path, here.port, changes={"tenants.linde.egress.source_address": "192.0.2.1"})
        findings = await walked(tmp_path)
    after = {Step.SEEN, Step.TCP, Step.TLS, Step.ACCEPTED, Step.REGISTERED, Step.CALL}
    assert not after & {each.step for each in findings}
    assert here.passages == []


async def test_a_port_that_nobody_listens_on_is_told_as_tcp(tmp_path: Path) -> None:
    write_settings(tmp_path, _closed_port(), changes=CARD)
    [found] = failed(await walked(tmp_path))
    assert (found.step, [letter.reader for letter in found.letters]) == (Step.TCP, [SUPPORT])
    assert "cannot be reached from 127.0.0.9" in found.what
    assert "firewall" in found.next


async def test_a_server_without_tls_is_told_as_tls(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        write_settings(tmp_path, server.sockets[0].getsockname()[1], changes=CARD)
        [found] = failed(await walked(tmp_path))
    assert found.step is Step.TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
async def test_a_certificate_refused_by_tls_is_told_as_such(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = upstream.upstream_context()
    context.minimum_version = context.maximum_version = version
    async with upstream.refusing(context) as port:
        write_settings(tmp_path, port, changes=CARD, certificate=kit.foreign().p12(PASSWORD))
        [found] = failed(await walked(tmp_path))
    assert found.step is Step.ACCEPTED
    assert [letter.reader for letter in found.letters] == [CONTACT, SUPPORT]


SOAP = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Envelope/>"
ANSWERS = {
    b"429 Too Many Requests": (State.FAILED, Step.CALL, "VECOZO Support"),
    b"404 Not Found": (State.FAILED, Step.CALL, "path"),
    b"502 Bad Gateway": (State.FAILED, Step.CALL, "out of order"),
    b"500 Internal Server Error": (State.WARNING, Step.CALL, "calling software"),
    b"302 Found": (State.FAILED, Step.CALL, "path"),
    b"200 OK": (State.WARNING, Step.CALL, "calling software"),
}


@pytest.mark.parametrize(("status", "told"), ANSWERS.items(), ids=lambda part: str(part))
async def test_an_answer_is_read_for_what_it_proves(
    tmp_path: Path, status: bytes, told: tuple[State, Step, str]
) -> None:
    answer = b"HTTP/1.1 %b\r\nContent-Type: text/xml\r\nContent-Length: 11\r\n\r\n<Envelope/>" % status
    async with upstream.running(upstream.answering(answer)) as there:
        write_settings(tmp_path, there.port, changes=CARD)
        findings = await walked(tmp_path)
    state, step, then = told
    [found] = [each for each in findings if each.step is step]
    assert found.state is state
    assert then in found.next
    assert (Step.REGISTERED in steps(findings, State.GOOD)) is (status[:3] in (b"200", b"429", b"500"))


async def test_an_upstream_that_ends_the_connection_is_told(tmp_path: Path) -> None:
    async def reset(exchange: upstream.Exchange) -> None:
        exchange.reset()

    async with upstream.running(reset) as there:
        write_settings(tmp_path, there.port, changes=CARD)
        [found] = failed(await walked(tmp_path))
    assert found.step is Step.CALL
    assert "out of order" in found.next


async def test_the_doctor_waits_less_long_for_an_answer_than_calls_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stall(exchange: upstream.Exchange) -> None:
        await exchange.reader.read()

    monkeypatch.setattr("relay.doctor.walk._LONGEST_WAIT", 0.3)
    async with upstream.running(stall) as there:
        write_settings(tmp_path, there.port, changes=CARD)
        [found] = failed(await walked(tmp_path))
    assert (found.step, found.what) == (Step.CALL, "no answer within 0.3 seconds.")


async def test_the_test_person_is_never_asked_about_in_production(tmp_path: Path) -> None:
    routes = [{"name": "cov", "prefix": "/cov/vz801802"}, {"name": "claims", "prefix": "/Router.V1.svc"}]
    for route in routes:
        async with upstream.running(upstream.answering(SOAP)) as there:
            own = [route | {"upstream": f"https://localhost:{there.port}"}]
            changes = CARD | {"tenants.linde.environment": "production", "tenants.linde.routes": own}
            write_settings(tmp_path, there.port, changes=changes)
            findings = await walked(tmp_path)
            [asked] = there.requests
        assert b"999979668" not in asked.head + asked.body
        harmless = {"cov": b"GET /cov/vz801802/v1/soap11?wsdl ", "claims": b"POST /Router.V1.svc/Indienen"}
        assert asked.head.startswith(harmless[route["name"]])
        assert (b"isalive" in asked.body) is (route["name"] == "claims")
        assert failed(findings) == []


async def test_where_no_call_is_known_to_do_no_harm_none_is_made(tmp_path: Path) -> None:
    async with upstream.running() as there:
        for changes, calls in (
            ({"tenants.linde.routes": [_route(there.port, "/berichtenservice/berichten", "messages")]}, True),
            ({"tenants.linde.routes": [_route(there.port, "/acc/claims", "soap")]}, True),
            ({"tenants.linde.card.paused": "moving"}, True),
            ({}, False),
        ):
            write_settings(tmp_path, there.port, changes=CARD | changes)
            findings = await walked(tmp_path, calls=calls)
            [told] = [each for each in findings if each.step is Step.CALL]
            assert told.state is (State.WARNING if "tenants.linde.card.paused" in changes else State.NOTE)
            assert told.next
        assert there.requests == []


def _route(port: int, prefix: str, family: str) -> dict[str, object]:
    return {"name": "x", "prefix": prefix, "upstream": f"https://localhost:{port}", "family": family}


async def test_what_is_stopped_for_a_quota_is_not_called_again(tmp_path: Path) -> None:
    async with upstream.running() as there:
        write_settings(tmp_path, there.port, changes=CARD)
        room = build(read_settings(tmp_path), kit.AT).guardroom
        room.stop("linde", "claims", at=kit.AT.timestamp())
        [found] = failed(await walked(tmp_path))
        assert there.requests == []
    assert (found.step, [letter.reader for letter in found.letters]) == (Step.CALL, [SUPPORT])
    assert "only after their word" in found.next
    assert "claims" in found.letters[0].text


async def test_the_relay_that_runs_tells_what_it_knows(tmp_path: Path) -> None:
    """Its book, not the file, and when a call last went well."""
    async with gate() as here, relay(tmp_path, here.port, changes=CARD) as runs, line(runs.port) as caller:
        asked = request("POST", PATH, runs.authorised, *headers().items(), body=question())
        assert (await (await caller.send(asked)).answer()).status == 200
        here.book = book([kit.system()], [])
        assert (await (await caller.send(asked)).answer()).status == 403
        findings = await walked(tmp_path)
    [refused] = failed(findings)
    assert "last good call was at" in refused.next
    assert "Laatst gelukt:" in refused.letters[0].text


async def test_where_it_is_not_known_whether_calls_are_stopped_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("relay.doctor.known.asked", forbidden)  # to root, as tests may run, nothing is forbidden
    async with upstream.running() as there:
        write_settings(tmp_path, there.port, changes=CARD)
        [told] = [each for each in await walked(tmp_path) if each.step is Step.CALL]
        assert there.requests == []
    assert (told.state, "own user" in told.next) == (State.NOTE, True)


async def test_a_certificate_about_to_expire_comes_with_the_letter_that_has_it_renewed(tmp_path: Path) -> None:
    soon = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(days=1), days=20)
    write_settings(tmp_path, _closed_port(), changes=CARD, certificate=soon.p12(PASSWORD))
    [found] = [each for each in await walked(tmp_path) if each.step is Step.SYSTEM_CERTIFICATE]
    assert (found.state, [letter.reader for letter in found.letters]) == (State.WARNING, [CONTACT])
    assert "in 18 days" in found.next


@pytest.mark.parametrize(("on_card", "warned"), [(kit.USER_NUMBER, False), (None, False), ("20001000005555", True)])
async def test_a_certificate_that_is_not_the_cards_is_told(tmp_path: Path, on_card: str | None, warned: bool) -> None:
    card = CARD | ({"tenants.linde.card.user_number": on_card} if on_card else {})
    async with gate(registered=()) as here:
        write_settings(tmp_path, here.port, changes=card)
        findings = await walked(tmp_path)
    told = [e for e in findings if e.step is Step.SYSTEM_CERTIFICATE and e.state is State.WARNING]
    assert [kit.USER_NUMBER in each.what for each in told] == [True] * warned
    # Where the card has none, letters name the certificate's own.
    [refused] = failed(findings)
    assert f"Gebruikersnummer:     {on_card or kit.USER_NUMBER}" in refused.letters[0].text


async def test_a_familys_certificate_is_a_way_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    changes = CARD | {
        "tenants.linde.card.user_number": kit.USER_NUMBER,
        "tenants.linde.certificates.iwlz.file": "iwlz.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    async with gate() as here:
        own = [_route(here.port, "/acc/cov", "soap"), _route(here.port, "/acc/wlz", "iwlz") | {"name": "wlz"}]
        write_settings(tmp_path, here.port, changes=changes | {"tenants.linde.routes": own})
        findings = await walked(tmp_path)
        (tmp_path / "iwlz.p12").write_bytes(b"")
        broken = failed(await walked(tmp_path))
    told = [(each.way, each.state) for each in findings if each.step is Step.SYSTEM_CERTIFICATE]
    assert told == [("linde", State.GOOD), ("linde/iwlz", State.GOOD)]
    assert ("linde/iwlz", Step.TLS) in [(each.way, each.step) for each in findings]
    assert [(each.way, each.step, len(each.letters)) for each in broken] == [("linde/iwlz", Step.SYSTEM_CERTIFICATE, 1)]


@pytest.mark.parametrize("named", [False, True], ids=["of the settings", "named besides"])
async def test_a_witness_of_the_settings_is_asked_once(tmp_path: Path, named: bool) -> None:
    async with gate() as here, telling(World()) as first, telling(World()) as second:
        asked = [{"url": world.url, "trust": "trust.pem"} for world in (first, second)]
        write_settings(tmp_path, here.port, changes=CARD | {"egress_proof.witnesses": asked})
        findings = await walked(tmp_path, witnesses=[first.url] if named else [])
    assert (first.asked, second.asked) == (["127.0.0.9"], ["127.0.0.9"])
    told = [(each.state, each.what) for each in findings if each.step is Step.SEEN]
    assert told == [(State.GOOD, f"localhost:{world.port} sees 127.0.0.9, as configured") for world in (first, second)]


async def test_a_witness_that_says_nothing_proves_nothing(tmp_path: Path) -> None:
    async with gate() as here:
        write_settings(tmp_path, here.port, changes=CARD)
        findings = await walked(tmp_path, witnesses=[f"https://localhost:{_closed_port()}/whoami"])
    assert failed(findings) == []
    [told] = [each for each in findings if each.step is Step.SEEN]
    assert (told.state, Step.CALL in steps(findings, State.GOOD)) == (State.WARNING, True)


async def test_the_clock_is_held_against_the_answer_where_no_witness_told_the_time(tmp_path: Path) -> None:
    async with gate() as here:
        write_settings(tmp_path, here.port, changes=CARD)
        for off, state in ((0, State.GOOD), (100, State.WARNING), (1000, State.FAILED)):
            [told] = [e for e in await walked(tmp_path, off=timedelta(seconds=off)) if e.step is Step.CLOCK]
            assert told.state is state


async def test_a_fault_of_one_tenant_does_not_hide_another(tmp_path: Path) -> None:
    async with gate() as here:
        other = {
            f"tenants.berk.{key}": value
            for key, value in {
                "environment": "acceptance",
                "trust": "trust.pem",
                "certificate.file": "gone.p12",
                "certificate.password_file": "password",
                "egress.source_address": "127.0.0.9",
                "routes": [_route(here.port, "/acc/cov", "soap")],
            }.items()
        }
        write_settings(tmp_path, here.port, changes=CARD | other)
        findings = await walked(tmp_path)
    assert [(each.way, each.step) for each in failed(findings)] == [("berk", Step.SYSTEM_CERTIFICATE)]
    assert ("linde", Step.CALL) in [(each.way, each.step) for each in findings if each.state is State.GOOD]


async def test_a_private_address_ends_the_road_to_vecozo_before_anybody_is_asked_to_register_it(tmp_path: Path) -> None:
    routes = [{"name": "cov", "prefix": "/cov", "upstream": "https://api.vecozo.nl"}]
    write_settings(tmp_path, 1, changes=CARD | {"tenants.linde.routes": routes})
    findings: list[Finding] = []
    [way] = _ways(tmp_path)
    teller = Teller(way=way, now=lambda: kit.AT, tell=findings.append)
    patience = Patience(connect=1, tls=1, first_byte=1, idle=1)
    assert not Departure(teller=teller, patience=patience, witnesses=(), readings=Readings()).here(way.egresses[0])
    [found] = failed(findings)
    assert (found.step, found.letters) == (Step.SOURCE, ())
    assert "tenants.linde.egress" in found.next


async def test_an_old_host_that_vecozo_does_not_state_may_be_gone(tmp_path: Path) -> None:
    async with gate() as here:
        write_settings(tmp_path, here.port, changes=CARD)
        [way] = _ways(tmp_path)
        old = replace(way.routes[0], prefix=b"/v1/VZ801802.svc", host="gone.invalid", verified=False)
        findings: list[Finding] = []
        teller = Teller(
            way=replace(way, routes=(*way.routes, old)), now=lambda: datetime.now(UTC), tell=findings.append
        )
        patience = Patience(connect=2, tls=2, first_byte=2, idle=1)
        await Departure(teller=teller, patience=patience, witnesses=(), readings=Readings()).walk()
    [gone] = [each for each in findings if "gone.invalid" in each.place]
    assert (gone.step, gone.state) == (Step.NAME, State.WARNING)
    assert Step.CALL in steps(findings, State.GOOD)
    assert failed(findings) == []


async def test_a_mail_server_that_lets_nobody_in_is_told_with_its_key_and_ends_no_road(tmp_path: Path) -> None:
    async with gate() as here:
        with post_office() as office:
            write_settings(tmp_path, here.port, changes=CARD | mail_settings(tmp_path, office))
            (tmp_path / "mail.password").write_text("verkeerd")
            findings = await walked(tmp_path)
    assert failed(findings) == []
    [mail] = [each for each in findings if each.step is Step.MAIL]
    assert mail.state is State.WARNING
    assert mail.what.startswith("mail.user: ")
    assert "535" in mail.what
    assert "verkeerd" not in mail.what


async def test_a_server_of_shared_counts_that_is_away_is_told_with_its_key_and_ends_no_road(tmp_path: Path) -> None:
    async with gate() as here:
        with shared_store.redis(tmp_path) as store:
            write_settings(tmp_path, here.port, changes={**CARD, **store.changes})
            store.stop()
            findings = await walked(tmp_path)
    assert failed(findings) == []
    [shared] = [each for each in findings if each.step is Step.SHARED]
    assert shared.state is State.WARNING
    assert shared.what.startswith(f"shared.url: redis://127.0.0.1:{store.port}/1")
    assert shared_store.PASSWORD not in shared.what


async def test_that_nobody_is_mailed_is_a_note(tmp_path: Path) -> None:
    async with gate() as here:
        write_settings(tmp_path, here.port, changes=CARD)
        findings = await walked(tmp_path)
    [mail] = [each for each in findings if each.step is Step.MAIL]
    assert (mail.state, mail.next) == (State.NOTE, "Give [mail] if contact persons are to be mailed.")
