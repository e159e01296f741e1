"""A real SOAP client, built from nothing but the served WSDL, gets its answer in both versions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zeep
import zeep.exceptions
from requests import Session

from relay.enforcer.services.cov.service import FAULT_NAMESPACE
from relay.registry.domain.mandates import Consent, Service
from tests.kit import authority as kit
from tests.kit.gate import Gate, book, running
from tests.kit.registry import ELDERS, PERSON_ELDERS, VOORBEELD, organisation, software_party

TODAY = datetime.now(UTC).date()
TEST_PERSON = {"Volgnummer": 1, "Geboortedatum": "1962-03-15", "Bsn": "999979668"}
PROVIDER = {"AGB-zorgverlenersoort": "99", "AGB-nummer": "000001"}
CONSENT = Consent(provider=ELDERS, party=VOORBEELD, service=Service.COV, by=PERSON_ELDERS, at=kit.AT)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    # A software party asks for a care provider, under its consent: so the element that names one is sent too.
    organisations = [software_party(VOORBEELD), organisation(ELDERS)]
    snapshot = book([kit.system()], ["127.0.0.1"], organisations=organisations, consents=[CONSENT])
    async with running(Gate(book=snapshot)) as gate:
        yield gate


@pytest.fixture
def session(gate: Gate, tmp_path: Path, trust: Path) -> Iterator[Session]:
    pem = tmp_path / "system.pem"
    pem.write_bytes(kit.system().chain_pem() + kit.system().key_pem())
    with Session() as session:
        session.headers["Connection"] = "close"  # a Fault that pytest holds on to would keep its connection open
        session.cert, session.verify, session.trust_env = str(pem), str(trust), False
        yield session


def client(gate: Gate, version: str, session: Session) -> zeep.Client:
    address = f"https://localhost:{gate.port}/tst/cov/vz801802/v1/{version}"
    transport = zeep.Transport(session=session)  # type: ignore[no-untyped-call]  # zeep ships no types
    client = zeep.Client(f"{address}?wsdl", transport=transport)  # type: ignore[no-untyped-call]  # as above
    assert client.service._binding_options["address"] == address
    return client


async def ask(gate: Gate, version: str, session: Session, *queries: dict[str, object]) -> Any:
    def blocking() -> Any:
        request = {"Zorgaanbieder": PROVIDER, "Zoekopdrachten": {"Zoekopdracht": list(queries)}}
        return client(gate, version, session).service.Controleer(request=request)

    return await asyncio.to_thread(blocking)


@pytest.mark.parametrize("version", ["soap11", "soap12"])
async def test_zeep_finds_the_test_person(gate: Gate, session: Session, version: str) -> None:
    result = await ask(gate, version, session, TEST_PERSON | {"Peildatum": TODAY})
    assert result.Resultaat == "VerzoekAkkoord"
    (found,) = result.Zoekresultaten.Zoekresultaat
    assert (found.Volgnummer, found.Resultaat) == (1, "Gevonden")
    assert (found.Verzekerde.Bsn, found.Verzekerde.Overleden) == ("999979668", False)
    (policy,) = found.Verzekerde.Verzekeringen.Verzekering
    assert (policy.Resultaat, policy.UZOVI) == ("Actief", "3000")
    assert policy.Ingangsdatum.isoformat() == "2017-01-01T00:00:00"


@pytest.mark.parametrize("version", ["soap11", "soap12"])
async def test_zeep_reads_a_functional_refusal_of_each_query(gate: Gate, session: Session, version: str) -> None:
    result = await ask(
        gate,
        version,
        session,
        TEST_PERSON | {"Peildatum": TODAY - timedelta(days=800)},
        TEST_PERSON | {"Peildatum": TODAY, "Volgnummer": 2, "Bsn": "123456789"},
    )
    assert [found.Resultaat for found in result.Zoekresultaten.Zoekresultaat] == [
        "Peildatum2JaarOfOuder",
        "BsnVoldoetNietAanElfProef",
    ]


@pytest.mark.parametrize("version", ["soap11", "soap12"])
async def test_zeep_reads_an_answer_without_results(gate: Gate, session: Session, version: str) -> None:
    result = await ask(gate, version, session)
    assert (result.Resultaat, result.Zoekresultaten) == ("GeenZoekopdrachten", None)


@pytest.mark.parametrize("version", ["soap11", "soap12"])
async def test_zeep_reads_a_business_fault(gate: Gate, session: Session, version: str) -> None:
    bad = TEST_PERSON | {"Peildatum": TODAY, "Bsn": None, "Postcode": "9999ZZ", "Huisnummer": 2**31 - 1}
    with pytest.raises(zeep.exceptions.Fault) as caught:
        await ask(gate, version, session, bad)
    assert "Huisnummer is not a whole number" in caught.value.message
    assert caught.value.detail.findtext(f".//{{{FAULT_NAMESPACE}}}code") == "not_a_number"


async def test_the_wsdl_itself_stands_behind_the_gate(gate: Gate, session: Session) -> None:
    gate.book = book([kit.system()])
    with pytest.raises(Exception, match="403 Client Error: Forbidden"):
        await asyncio.to_thread(client, gate, "soap11", session)
