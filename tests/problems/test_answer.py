"""Own errors as answers: problem+json, or a Fault of the call's version, each with who made it and what to do."""

import json
from datetime import UTC, datetime

import pytest
from lxml import etree

from relay.errors import (
    CallerUnknown,
    InternalFault,
    MalformedRequest,
    MethodRefused,
    OutcomeUnknown,
    RelayError,
    RouteUnknown,
    TenantRefused,
    UpstreamUnreachable,
)
from relay.problems.answer import Answer, answer
from relay.problems.table import PROBLEMS
from relay.soap.recognise import SoapVersion

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
BOTH = pytest.mark.parametrize("version", list(SoapVersion))


def _answer(
    error: RelayError,
    *,
    soap: SoapVersion | None = None,
    faults_as_500: bool = False,
    challenges: tuple[bytes, ...] = (),
) -> Answer:
    return answer(
        error,
        request_id="abc",
        at=AT,
        soap=soap,
        faults_as_500=faults_as_500,
        pseudonym="relay",
        challenges=challenges,
    )


def _field(answer: Answer, name: bytes) -> str:
    values = [value.decode() for field, value in answer.head.fields if field.lower() == name]
    assert len(values) < 2
    return values[0] if values else ""


def _detail(answer: Answer) -> dict[str, str | None]:
    [problem] = etree.fromstring(answer.body).iter("{urn:relay:problem}problem")
    return {etree.QName(element).localname: element.text for element in problem}


@pytest.mark.parametrize("kind", list(PROBLEMS), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("soap", [None, *SoapVersion])
def test_every_error_has_an_answer_in_every_language(kind: type[RelayError], soap: SoapVersion | None) -> None:
    told = _answer(kind("it is <so> & no other"), soap=soap)
    assert told.head.status == PROBLEMS[kind].status
    assert told.head.reason
    assert _field(told, b"content-length") == str(len(told.body))
    assert _field(told, b"x-relay-request-id") == "abc"
    assert f'details="{PROBLEMS[kind].code}"' in _field(told, b"proxy-status")
    assert PROBLEMS[kind].code.encode() in told.body
    assert kind.sent.value.encode() in told.body


def test_problem_json_has_the_members_of_rfc_9457_and_ours() -> None:
    told = _answer(UpstreamUnreachable("no route to it"))
    problem = PROBLEMS[UpstreamUnreachable]
    assert _field(told, b"content-type") == "application/problem+json"
    assert json.loads(told.body) == {
        "type": "urn:relay:problem:upstream_unreachable",
        "title": problem.title,
        "status": 503,
        "detail": "no route to it",
        "code": "upstream_unreachable",
        "sent": "false",
        "remedy": problem.remedy,
        "request_id": "abc",
        "retry_after": problem.retry_after,
    }
    assert _field(told, b"retry-after") == str(problem.retry_after)


def test_what_not_to_repeat_says_nothing_about_when() -> None:
    told = _answer(OutcomeUnknown("it may have been processed"))
    assert "retry_after" not in json.loads(told.body)
    assert _field(told, b"retry-after") == ""
    assert json.loads(told.body)["sent"] == "unknown"


@BOTH
def test_a_soap_caller_gets_a_fault_of_its_version_under_the_true_status(version: SoapVersion) -> None:
    told = _answer(UpstreamUnreachable("no route to it"), soap=version)
    assert told.head.status == 503
    assert _field(told, b"content-type") == version.content_type
    assert etree.fromstring(told.body).tag == f"{{{version.envelope}}}Envelope"
    detail = _detail(told)
    assert detail["code"] == "upstream_unreachable"
    assert detail["sent"] == "false"
    assert detail["status"] == "503"
    assert detail["retry-after"] == str(PROBLEMS[UpstreamUnreachable].retry_after)


@BOTH
def test_a_client_of_wcf_gets_its_faults_as_500_with_the_true_status_inside(version: SoapVersion) -> None:
    told = _answer(RouteUnknown("no such path"), soap=version, faults_as_500=True)
    assert (told.head.status, told.head.reason) == (500, b"Internal Server Error")
    assert _detail(told)["status"] == "404"


@BOTH
@pytest.mark.parametrize("kind", [CallerUnknown, TenantRefused])
def test_wcf_keeps_401_and_403_because_it_has_exceptions_for_them(version: SoapVersion, kind: type[RelayError]) -> None:
    assert _answer(kind("no"), soap=version, faults_as_500=True).head.status == PROBLEMS[kind].status


def test_faults_as_500_change_nothing_for_a_call_that_is_not_soap() -> None:
    assert _answer(RouteUnknown("no such path"), faults_as_500=True).head.status == 404


def test_a_401_says_how_to_prove_oneself_and_a_405_what_is_allowed() -> None:
    for kind, problem in PROBLEMS.items():
        told = _answer(kind("no"), challenges=(b"Bearer", b'ApiKey realm="relay"'))
        challenges = [value for name, value in told.head.fields if name == b"WWW-Authenticate"]
        assert challenges == ([b"Bearer", b'ApiKey realm="relay"'] if problem.status == 401 else []), problem.code
    assert _field(_answer(CallerUnknown("no")), b"www-authenticate"), (
        "a scheme has to be named, RFC 9110 section 15.5.2"
    )
    assert "TRACE" not in _field(_answer(MethodRefused("no")), b"allow")
    assert "POST" in _field(_answer(MethodRefused("no")), b"allow")
    assert _field(_answer(InternalFault("no")), b"www-authenticate") == ""


def test_an_own_answer_is_not_to_be_stored_and_says_that_we_made_it() -> None:
    told = _answer(MalformedRequest("no"))
    assert _field(told, b"cache-control") == "no-store"
    assert _field(told, b"proxy-status") == 'relay; error=http_request_error; details="malformed_request"'


def test_an_answer_of_our_own_says_when_it_was_made() -> None:
    assert _field(_answer(RouteUnknown("no such path")), b"date") == "Fri, 01 May 2026 12:00:00 GMT"
