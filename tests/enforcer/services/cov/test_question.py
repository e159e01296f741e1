"""A question is read strictly, and what is wrong is named without quoting anything of a person."""

from datetime import date
from pathlib import Path

import pytest

from relay.enforcer.services.cov.judgement import Query
from relay.enforcer.services.cov.question import Question, QuestionFault, read_question
from relay.registry.domain.identifiers import AgbCode
from relay.soap.recognise import SoapVersion
from tests.kit.cov import TEST_PERSON, query, question

PROVIDER = (
    "<mes:Zorgaanbieder><typ:AGB-zorgverlenersoort>01</typ:AGB-zorgverlenersoort>"
    "<typ:AGB-nummer>000001</typ:AGB-nummer></mes:Zorgaanbieder>"
)


def refused(body: bytes, version: SoapVersion = SoapVersion.V1_1) -> QuestionFault:
    with pytest.raises(QuestionFault) as caught:
        read_question(body, version)
    return caught.value


@pytest.mark.parametrize("version", SoapVersion)
def test_the_sample_of_public_clients_is_read(version: SoapVersion) -> None:
    body = question(query(Peildatum="2024-01-01", **TEST_PERSON), version=version, provider=PROVIDER)
    assert read_question(body, version) == Question(
        queries=(Query(number=1, born=date(1962, 3, 15), reference_date=date(2024, 1, 1), bsn="999979668"),),
        provider=AgbCode("01000001"),
    )


def test_every_element_of_a_query_is_read() -> None:
    told = query(
        7,
        Verzekerdenummer="559",
        Postcode="9999ZZ",
        ReferentieZorgaanbieder="any",
        Huisnummer="12",
        Huisnummertoevoeging="A",
    )
    (read,) = read_question(question(told), SoapVersion.V1_1).queries
    assert (read.number, read.insured_number, read.postcode) == (7, "559", "9999ZZ")
    assert (read.house_number, read.house_number_addition) == (12, "A")


def test_an_empty_element_counts_as_absent_and_a_date_may_name_its_zone() -> None:
    (read,) = read_question(question(query(Peildatum="2024-01-01+01:00", Bsn=" ")), SoapVersion.V1_1).queries
    assert (read.bsn, read.reference_date) == (None, date(2024, 1, 1))


def test_no_queries_at_all_is_a_question_too() -> None:
    assert read_question(question("<!-- none -->"), SoapVersion.V1_1) == Question(queries=())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_xml"),
        (b"{}", "not_xml"),
        (b"<a>", "not_xml"),
        (b"<a/>", "no_envelope"),
        (question(version=SoapVersion.V1_2), "version_mismatch"),
        (question().replace(b"e:Body", b"e:Other"), "no_body"),
        (question().replace(b"v1:Controleer", b"v1:Doe"), "unexpected_element"),
        (question().replace(b"v1:request", b"v1:verzoek"), "unexpected_element"),
        (question("<typ:Iets/>"), "unexpected_element"),
        (question(query(Geheim="999979668")), "unexpected_element"),
        (question(query().replace("typ:Peildatum", "mes:Peildatum")), "unexpected_element"),
        (question(provider=PROVIDER * 2), "element_order"),
        (question(query().replace("<typ:Volgnummer>1</typ:Volgnummer>", "")), "element_missing"),
        (question(provider="<mes:Zorgaanbieder/>"), "element_missing"),
        (question(provider=PROVIDER.replace("000001", "1")), "not_an_agb_code"),
        (question(provider=PROVIDER.replace(">01<", ">1<").replace("000001", "0000001")), "not_an_agb_code"),
        (question(query(Volgnummer="een")), "not_a_number"),
        (question(query(Volgnummer="")), "not_a_number"),
        (question(query(Huisnummer="12A")), "not_a_number"),
        (question(query(Geboortedatum="15-03-1962")), "not_a_date"),
        (question(query(Geboortedatum="1962-02-30")), "not_a_date"),
        (question(query(Geboortedatum="")), "not_a_date"),
        (
            question().replace(b"<e:Header/>", b'<e:Header><x e:mustUnderstand="1"/></e:Header>'),
            "header_not_understood",
        ),
    ],
)
def test_what_is_wrong_has_a_code_of_its_own(body: bytes, code: str) -> None:
    assert refused(body).code == code


def test_an_element_out_of_order_is_named_and_the_order_told() -> None:
    wrong = refused(question(query(Huisnummer="1", Bsn=TEST_PERSON["Bsn"])))
    assert wrong.code == "element_order"
    assert "Zoekopdracht 1: Bsn is out of order" in wrong.detail


@pytest.mark.parametrize(
    "body",
    [
        question(query(Geboortedatum="999979668")),
        question(query(Huisnummer="x999979668")),
        question(query(Onbekend="999979668")),
        question().replace(b"</e:Body>", b"999979668</e:Body><"),
    ],
)
def test_a_fault_never_quotes_a_value(body: bytes) -> None:
    assert "999979668" not in refused(body).detail


def test_a_header_that_need_not_be_understood_is_let_be() -> None:
    body = question().replace(b"<e:Header/>", b'<e:Header><x e:mustUnderstand="0"/></e:Header>')
    assert len(read_question(body, SoapVersion.V1_1).queries) == 1


def test_a_document_type_is_refused_before_anything_in_it_counts(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("999979668")
    entity = f'<!DOCTYPE e [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode()
    body = question(query(Bsn="&x;")).replace(b"?>", b"?>" + entity, 1)
    assert refused(body).code == "doctype"


def test_a_bomb_of_entities_is_refused_quickly() -> None:
    levels = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE e [<!ENTITY x0 "boom">{levels}]>'.encode()
    assert refused(question(query(Bsn="&x11;")).replace(b"?>", b"?>" + bomb, 1)).code in {"doctype", "not_xml"}
