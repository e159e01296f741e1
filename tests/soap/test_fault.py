"""A Fault parses in both versions, whatever it quotes, and holds what a caller must know."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.soap.fault import PROBLEM_NAMESPACE, fault
from relay.soap.recognise import SoapVersion

S11 = "{http://schemas.xmlsoap.org/soap/envelope/}"
S12 = "{http://www.w3.org/2003/05/soap-envelope}"
P = f"{{{PROBLEM_NAMESPACE}}}"
DETAIL = {"sent": "false", "retry-after": "30"}


def parsed(version: SoapVersion, status: int, text: str = "no <way> & out") -> ET.Element:
    return ET.fromstring(fault(version, code="no_way_out", status=status, detail=DETAIL, text=text))


@pytest.mark.parametrize(("status", "blame"), [(403, "s:Client"), (499, "s:Client"), (503, "s:Server")])
def test_a_soap_11_fault_tells_whose_fault_it_is(status: int, blame: str) -> None:
    found = parsed(SoapVersion.V1_1, status).find(f"{S11}Body/{S11}Fault")
    assert found is not None
    assert [part.tag for part in found] == ["faultcode", "faultstring", "detail"]
    assert found.findtext("faultcode") == blame
    assert found.findtext("faultstring") == "no <way> & out"


@pytest.mark.parametrize(("status", "blame"), [(403, "s:Sender"), (499, "s:Sender"), (503, "s:Receiver")])
def test_a_soap_12_fault_tells_whose_fault_it_is(status: int, blame: str) -> None:
    found = parsed(SoapVersion.V1_2, status).find(f"{S12}Body/{S12}Fault")
    assert found is not None
    assert [part.tag for part in found] == [f"{S12}Code", f"{S12}Reason", f"{S12}Detail"]
    assert found.findtext(f"{S12}Code/{S12}Value") == blame
    assert found.findtext(f"{S12}Code/{S12}Subcode/{S12}Value") == "p:no_way_out"
    assert found.findtext(f"{S12}Reason/{S12}Text") == "no <way> & out"


@pytest.mark.parametrize("version", SoapVersion)
def test_the_detail_holds_code_true_status_sent_and_retry_after(version: SoapVersion) -> None:
    problem = next(parsed(version, 503).iter(f"{P}problem"))
    assert {part.tag.removeprefix(P): part.text for part in problem} == {
        "code": "no_way_out",
        "status": "503",
        "sent": "false",
        "retry-after": "30",
    }


@pytest.mark.parametrize("version", SoapVersion)
@given(text=st.text(st.characters(codec=None)))
def test_a_fault_parses_whatever_it_quotes(version: SoapVersion, text: str) -> None:
    assert parsed(version, 500, text).tag.endswith("Envelope")
