"""What a refused caller is told, and what the relay's own reading makes of it."""

import json

import pytest
from lxml import etree

from relay.enforcer.answers import FAULT_NAMESPACE, KINDS, WORDINGS, Answer, Kind, Wording, answer
from relay.enforcer.places import Family
from relay.enforcer.refusal_body import RefusalBody
from relay.enforcer.verdict import Refusal
from relay.message.fields import Fields
from relay.message.head import ResponseHead
from relay.settings import words
from relay.soap.recognise import SoapVersion
from relay.upstream import refusal as reading
from relay.upstream.refusal import Cause, classify, is_a_services_fault

READ_AS = dict.fromkeys(Family, words.Wording.GATEWAY) | {Family.IWLZ_PEP: words.Wording.PEP}


def head(told: Answer) -> ResponseHead:
    content_type = () if told.content_type is None else ((b"Content-Type", told.content_type.encode()),)
    length = (b"Content-Length", str(len(told.body)).encode())
    return ResponseHead(status=told.status, reason=told.reason.encode(), fields=Fields((*content_type, length)))


def read(told: Answer, family: Family) -> reading.Refusal | None:
    return classify(head(told), told.body, READ_AS[family])


def test_every_refusal_is_of_a_kind() -> None:
    assert set(KINDS) == set(Refusal)
    assert [refusal for refusal in Refusal if KINDS[refusal] is Kind.ADDRESS] == [
        Refusal.BLOCKED,
        Refusal.ADDRESS_UNKNOWN,
        Refusal.ADDRESS_ENDED,
        Refusal.PARTY_NOT_SELECTED,
    ]
    assert [refusal for refusal in Refusal if KINDS[refusal] is Kind.FUNCTIONAL] == [Refusal.SERVICE_NOT_AUTHORISED]


def test_every_family_has_its_words() -> None:
    assert set(WORDINGS) == set(Family)
    told = {family: answer(Refusal.ADDRESS_UNKNOWN, WORDINGS[family]).reason for family in Family}
    assert told == dict.fromkeys(Family, "Forbidden") | {Family.IWLZ_PEP: "Not Allowed"}
    assert {answer(Refusal.CERTIFICATE_EXPIRED, each).reason for each in WORDINGS.values()} == {
        "Invalid Client Certificate"
    }


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("shape", RefusalBody)
@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (Refusal.ADDRESS_UNKNOWN, Cause.ADDRESS_OR_BLOCKED),
        (Refusal.BLOCKED, Cause.ADDRESS_OR_BLOCKED),
        (Refusal.CERTIFICATE_EXPIRED, Cause.CERTIFICATE_INVALID),
    ],
)
def test_a_relay_reads_a_bare_403_as_what_it_is_in_every_family(
    family: Family, shape: RefusalBody, refusal: Refusal, cause: Cause
) -> None:
    wording = Wording(address=WORDINGS[family].address, body=shape)
    read_as = read(answer(refusal, wording), family)
    assert read_as is not None
    assert read_as.cause is cause
    assert not read_as.passed


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("shape", RefusalBody)
def test_a_relay_takes_a_missing_authorisation_for_the_services_own_word(family: Family, shape: RefusalBody) -> None:
    told = answer(Refusal.SERVICE_NOT_AUTHORISED, Wording(address=WORDINGS[family].address, body=shape))
    assert (told.status, json.loads(told.body)["error"]) == (403, "service_not_authorised")
    assert read(told, family) == reading.Refusal(Cause.FUNCTIONAL, built_in=True, passed=True)


@pytest.mark.parametrize("version", SoapVersion)
def test_a_relay_takes_its_fault_for_no_refusal_but_a_proof_that_the_gate_let_pass(version: SoapVersion) -> None:
    told = answer(Refusal.SERVICE_NOT_AUTHORISED, WORDINGS[Family.COV], soap=version)
    assert read(told, Family.COV) is None
    assert is_a_services_fault(head(told))
    assert etree.fromstring(told.body).findtext(f".//{{{FAULT_NAMESPACE}}}code") == "service_not_authorised"


@pytest.mark.parametrize("version", SoapVersion)
def test_an_address_is_refused_bare_to_soap_as_well(version: SoapVersion) -> None:
    told = answer(Refusal.ADDRESS_UNKNOWN, WORDINGS[Family.COV], soap=version)
    assert (told.status, told.content_type, told.body) == (403, None, b"")
