"""Bad certificates are answered in HTTP with VECOZO's phrase, on both TLS versions, on resumed connections as well."""

import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.enforcer.answers import WORDINGS, Wording
from relay.enforcer.places import Family
from relay.enforcer.refusal_body import RefusalBody
from relay.enforcer.verdict import Admitted, Passage, Refusal, Refused
from relay.registry.domain.mandates import Service
from relay.registry.domain.rules import Because
from tests.kit import authority as kit
from tests.kit.caller import Caller, Seen, get, post
from tests.kit.cov import headers, question
from tests.kit.gate import Gate, book, running

COV = "/tst/cov/vz801802/v1/soap11"
CALL = post(COV, headers(), question())
INVALID = (403, "Invalid Client Certificate", b"")

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
BAD = pytest.mark.parametrize(
    ("certificate", "refusal"),
    [
        (lambda: None, Refusal.CERTIFICATE_MISSING),
        (kit.foreign, Refusal.CERTIFICATE_FOREIGN),
        (kit.expired, Refusal.CERTIFICATE_EXPIRED),
        (kit.not_yet_valid, Refusal.CERTIFICATE_NOT_YET_VALID),
        (kit.server, Refusal.CERTIFICATE_WRONG_PURPOSE),
        (kit.personal, Refusal.CERTIFICATE_PERSONAL),
    ],
    ids=lambda value: value.value if isinstance(value, Refusal) else "",
)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    async with running(Gate(book=book([kit.system()], ["127.0.0.1"]))) as gate:
        yield gate


def told(seen: Seen) -> tuple[int, str, bytes]:
    return seen.status, seen.reason, seen.body


@VERSIONS
@BAD
async def test_a_bad_certificate_is_refused_in_http(
    gate: Gate,
    trust: Path,
    version: ssl.TLSVersion,
    certificate: Callable[[], Issued | None],
    refusal: Refusal,
) -> None:
    (seen,) = await Caller(certificate(), trust=trust, version=version).send(gate.port, CALL)
    assert told(seen) == INVALID
    assert seen.version == version.name.replace("_", ".")
    assert [passage.verdict for passage, _, _ in gate.passages] == [Refused(refusal)]


@VERSIONS
@BAD
async def test_a_bad_certificate_is_refused_on_a_resumed_connection(
    gate: Gate,
    trust: Path,
    version: ssl.TLSVersion,
    certificate: Callable[[], Issued | None],
    refusal: Refusal,
) -> None:
    caller = Caller(certificate(), trust=trust, version=version)
    (first,) = await caller.send(gate.port, CALL)
    (second,) = await caller.send(gate.port, CALL)
    assert (first.resumed, second.resumed) == (False, True)
    assert told(first) == told(second) == INVALID
    assert [passage.verdict for passage, _, _ in gate.passages] == [Refused(refusal)] * 2


@VERSIONS
async def test_a_good_certificate_passes_on_a_new_a_kept_and_a_resumed_connection(
    gate: Gate, trust: Path, version: ssl.TLSVersion
) -> None:
    caller = Caller(kit.system(), trust=trust, version=version)
    seen = [*await caller.send(gate.port, CALL, CALL), *await caller.send(gate.port, CALL)]
    assert [(each.status, each.resumed) for each in seen] == [(200, False), (200, False), (200, True)]
    assert all(b"<typ:UZOVI>3000</typ:UZOVI>" in each.body for each in seen)


@VERSIONS
async def test_a_certificate_that_expires_meanwhile_is_refused_on_the_resumed_connection(
    gate: Gate, trust: Path, version: ssl.TLSVersion
) -> None:
    caller = Caller(kit.system(), trust=trust, version=version)
    (first,) = await caller.send(gate.port, CALL)
    gate.now = kit.AT + timedelta(days=1000)
    (second,) = await caller.send(gate.port, CALL)
    assert (first.status, second.resumed) == (200, True)
    assert told(second) == INVALID


async def test_a_change_of_the_book_counts_on_the_next_call_of_a_kept_connection(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()])
    caller = Caller.trusting(trust, kit.system())
    (first,) = await caller.send(gate.port, CALL)
    gate.book = book([kit.system()], ["127.0.0.0/8"])
    (second,) = await caller.send(gate.port, CALL)
    assert (told(first), second.status) == ((403, "Forbidden", b""), 200)


async def test_an_empty_book_admits_nobody(gate: Gate, trust: Path) -> None:
    gate.book = book([])
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, CALL)
    assert told(seen) == INVALID


async def test_before_enforcement_an_unregistered_address_passes_and_is_noted(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()], enforced_from=kit.AT + timedelta(days=1))
    caller = Caller.trusting(trust, kit.system())
    (early,) = await caller.send(gate.port, CALL)
    gate.now = kit.AT + timedelta(days=1)
    (late,) = await caller.send(gate.port, CALL)
    assert (early.status, told(late)) == (200, (403, "Forbidden", b""))
    assert gate.passages[0][0].verdict == Admitted(Because.BEFORE_ENFORCEMENT, Refusal.ADDRESS_UNKNOWN)


async def test_a_forwarded_address_counts_for_nothing(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()], ["203.0.113.7"])
    claimed = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, post(COV, headers() | claimed, question()))
    assert told(seen) == (403, "Forbidden", b"")


async def test_a_refused_caller_does_not_learn_which_paths_exist(gate: Gate, trust: Path) -> None:
    (seen,) = await Caller.trusting(trust).send(gate.port, get("/nowhere/999979668?bsn=999979668"))
    assert told(seen) == INVALID
    ((_, method, service),) = gate.passages
    assert (method, service) == ("GET", "unknown")


async def test_an_admitted_caller_is_told_that_a_path_does_not_exist(gate: Gate, trust: Path) -> None:
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, get("/nowhere"))
    assert seen.status == 404


async def test_the_witness_is_told_the_service_and_never_the_query(gate: Gate, trust: Path) -> None:
    await Caller.trusting(trust, kit.system()).send(gate.port, get(f"{COV}?wsdl&bsn=999979668"))
    ((_, method, service),) = gate.passages
    assert (method, service) == ("GET", COV)


async def test_nobody_passes_unseen(trust: Path) -> None:
    class Blind(Gate):
        def see(self, passage: Passage, *, method: str, service: str) -> None:
            raise OSError("the disk is full")

    async with running(Blind(book=book([kit.system()], ["127.0.0.1"]))) as gate:
        (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, CALL)
    assert seen.status == 500
    assert b"999979668" not in seen.body


async def test_each_family_of_routes_refuses_in_its_own_words(trust: Path) -> None:
    wordings = dict(WORDINGS) | {Family.COV: Wording(address="Not Allowed", body=RefusalBody.JSON)}
    async with running(Gate(book=book([kit.system()])), wordings=wordings) as gate:
        cov, elsewhere = await Caller.trusting(trust, kit.system()).send(gate.port, CALL, get("/elsewhere"))
    body = b'{"statusCode":403,"message":"Not Allowed"}'
    assert (told(cov), cov.content_type) == ((403, "Not Allowed", body), "application/json")
    assert (told(elsewhere), elsewhere.content_type) == ((403, "Forbidden", b""), None)


EXPECTING = headers() | {"Expect": "100-continue"}


async def test_a_refused_caller_is_not_asked_for_its_body(gate: Gate, trust: Path) -> None:
    first, seen = await Caller.trusting(trust).send_when_asked(gate.port, post(COV, EXPECTING, question()))
    assert first.startswith(b"HTTP/1.1 403 Invalid Client Certificate\r\n")
    assert seen is None


async def test_an_admitted_caller_that_waits_is_asked_for_its_body(gate: Gate, trust: Path) -> None:
    caller = Caller.trusting(trust, kit.system())
    _, seen = await caller.send_when_asked(gate.port, post(COV, EXPECTING, question()))
    assert seen is not None
    assert seen.status == 200


async def test_a_certificate_for_test_is_refused_in_production(gate: Gate, trust: Path) -> None:
    production = post(COV.removeprefix("/tst"), headers(), question())
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, production)
    assert told(seen) == INVALID
    assert gate.passages[0][0].verdict == Refused(Refusal.CERTIFICATE_OTHER_ENVIRONMENT)


async def test_a_missing_authorisation_is_a_fault_to_soap_and_json_to_others(gate: Gate, trust: Path) -> None:
    gate.book = book([kit.system()], ["127.0.0.1"], services=[Service.CLAIMS])
    caller = Caller.trusting(trust, kit.system())
    fault, other = await caller.send(gate.port, CALL, get(f"{COV}?wsdl"))
    assert (fault.status, fault.content_type) == (500, "text/xml; charset=utf-8")
    assert (other.status, other.reason, other.content_type) == (403, "Forbidden", "application/json")
    assert [passage.verdict for passage, _, _ in gate.passages] == [Refused(Refusal.SERVICE_NOT_AUTHORISED)] * 2
