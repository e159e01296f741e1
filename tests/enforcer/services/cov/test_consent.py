"""For whom a question is asked: the service judges it, from the AGB code in the message (Q25, Q31)."""

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from relay.enforcer.services.cov.service import FAULT_NAMESPACE
from relay.registry.domain.mandates import Consent, Service
from relay.registry.domain.parties import Organisation
from relay.soap.recognise import SoapVersion
from tests.kit import authority as kit
from tests.kit.caller import Caller, Seen, post
from tests.kit.cov import headers, provider, question
from tests.kit.gate import Gate, book, running
from tests.kit.registry import ELDERS, PERSON_ELDERS, VOORBEELD, organisation, software_party

CONSENT = Consent(provider=ELDERS, party=VOORBEELD, service=Service.COV, by=PERSON_ELDERS, at=kit.AT)
ITSELF = organisation(VOORBEELD, "99000002")
PARTY = software_party(VOORBEELD)


def gate_for(caller: Organisation, *consents: Consent) -> Gate:
    snapshot = book([kit.system()], ["127.0.0.1"], organisations=[caller, organisation(ELDERS)], consents=consents)
    return Gate(book=snapshot)


async def asked(gate: Gate, trust: Path, named: str, version: SoapVersion = SoapVersion.V1_1) -> Seen:
    path = f"/tst/cov/vz801802/v1/soap{version.replace('.', '')}"
    call = post(path, headers(version), question(version=version, provider=named))
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, call)
    return seen


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize(
    ("caller", "consents", "named", "code"),
    [
        (ITSELF, (), "", None),
        (PARTY, (CONSENT,), provider("99", "000001"), None),
        (PARTY, (CONSENT,), "", "provider_not_named"),
        (ITSELF, (), provider("99", "000002"), "provider_named_needlessly"),
        (PARTY, (), provider("99", "000001"), "consent_missing"),
        (PARTY, (replace(CONSENT, service=Service.CLAIMS),), provider("99", "000001"), "consent_missing"),
        (PARTY, (CONSENT,), provider("99", "000009"), "consent_missing"),
    ],
    ids=["for itself", "under consent", "not named", "needlessly", "no consent", "another service", "nobody's code"],
)
async def test_who_may_ask_for_whom(
    trust: Path,
    version: SoapVersion,
    caller: Organisation,
    consents: tuple[Consent, ...],
    named: str,
    code: str | None,
) -> None:
    async with running(gate_for(caller, *consents)) as gate:
        seen = await asked(gate, trust, named, version)
    assert seen.status == (200 if code is None else 500)
    assert etree.fromstring(seen.body).findtext(f".//{{{FAULT_NAMESPACE}}}code") == code


async def test_a_consent_that_is_withdrawn_counts_no_longer_on_the_next_question(trust: Path) -> None:
    async with running(gate_for(PARTY, CONSENT)) as gate:
        before = await asked(gate, trust, provider())
        gate.book = gate_for(PARTY).book
        after = await asked(gate, trust, provider())
    assert (before.status, after.status) == (200, 500)
