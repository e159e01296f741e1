"""The answer is the sample of public clients, element by element."""

from datetime import date

from lxml import etree

from relay.enforcer.services.cov.judgement import Query, judge
from relay.enforcer.services.cov.persons import NOT_SHARED, PERSONS
from relay.enforcer.services.cov.reply import write_reply
from relay.soap.recognise import SoapVersion

SAMPLE = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<ControleerResponse xmlns="http://schemas.vecozo.nl/VZ801802/v1">
<ControleerResult xmlns:mes="http://schemas.vecozo.nl/VZ801802/v1/messages"
 xmlns:typ="http://schemas.vecozo.nl/VZ801802/v1/types">
<mes:Resultaat>VerzoekAkkoord</mes:Resultaat><mes:Zoekresultaten><typ:Zoekresultaat>
<typ:Volgnummer>1</typ:Volgnummer><typ:Resultaat>Gevonden</typ:Resultaat><typ:Verzekerde>
<typ:Resultaat>ActieveVerzekeringen</typ:Resultaat><typ:Geboortedatum>1962-03-15</typ:Geboortedatum>
<typ:Geslacht>Vrouw</typ:Geslacht><typ:CodeGeslacht>2</typ:CodeGeslacht><typ:Overleden>false</typ:Overleden>
<typ:Achternaam1>Ommeren</typ:Achternaam1><typ:Bsn>999979668</typ:Bsn><typ:Voorletters>OP</typ:Voorletters>
<typ:Voorvoegsel1>van</typ:Voorvoegsel1><typ:Achternaam2>Prater</typ:Achternaam2>
<typ:Voorvoegsel2>de</typ:Voorvoegsel2><typ:Verzekeringen><typ:Verzekering><typ:Resultaat>Actief</typ:Resultaat>
<typ:UZOVI>3000</typ:UZOVI><typ:Verzekerdenummer>559</typ:Verzekerdenummer>
<typ:SoortVerzekering>Aanvullend</typ:SoortVerzekering><typ:Ingangsdatum>2017-01-01T00:00:00</typ:Ingangsdatum>
</typ:Verzekering></typ:Verzekeringen></typ:Verzekerde></typ:Zoekresultaat></mes:Zoekresultaten>
</ControleerResult></ControleerResponse></s:Body></s:Envelope>"""

DAY = date(2024, 1, 1)


def reply(*queries: Query) -> bytes:
    return write_reply(judge(queries, PERSONS, today=DAY), SoapVersion.V1_1)


def canonical(document: bytes) -> bytes:
    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, method="c14n")


def test_the_test_person_is_answered_as_in_the_sample() -> None:
    asked = Query(number=1, born=date(1962, 3, 15), reference_date=DAY, bsn="999979668")
    assert canonical(reply(asked)) == canonical(SAMPLE)


def test_a_query_that_finds_nobody_gives_no_person() -> None:
    answer = reply(Query(number=4, born=DAY, reference_date=DAY, bsn="111222333"))
    assert b"<typ:Volgnummer>4</typ:Volgnummer><typ:Resultaat>BsnOnbekend</typ:Resultaat><" in answer
    assert b"Verzekerde>" not in answer


def test_no_queries_give_no_results() -> None:
    assert b"<mes:Resultaat>GeenZoekopdrachten</mes:Resultaat></ControleerResult>" in reply()


def test_a_policy_that_is_not_shared_shows_its_insurer_and_nothing_else() -> None:
    answer = reply(Query(number=1, born=NOT_SHARED.born, reference_date=DAY, bsn=NOT_SHARED.bsn))
    assert (
        b"<typ:Verzekering><typ:Resultaat>NietGeautoriseerdVoorZorgverzekeraar</typ:Resultaat>"
        b"<typ:UZOVI>9003</typ:UZOVI></typ:Verzekering>"
    ) in answer
