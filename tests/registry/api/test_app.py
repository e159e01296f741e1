"""The registry over mutual TLS, on real sockets with certificates of the demo authority."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web

from relay.authority.issued import Issued
from relay.registry.domain.identifiers import UserNumber
from relay.registry.domain.rules import Allow, Because, decide
from relay.registry.domain.snapshot import Snapshot
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from relay.x509.identity import Identity, identify
from tests.kit import authority as kit
from tests.kit.authority import AT, ORGANISATION, PERSONAL_NUMBER, USER_NUMBER
from tests.kit.registry import (
    ELDERS,
    PARTY,
    PERSON_ELDERS,
    PERSON_PARTY,
    PERSON_SUPPORT,
    SUPPORT,
    SYSTEM_ELDERS,
    book_of,
    contact_person,
    print_of,
    software_party,
    system_certificate,
)
from tests.kit.registry import support as support_organisation
from tests.kit.registry_api import Caller, Place, filled, personal_of, placed

ADDRESS = "198.100.20.7"
OWN = f"/v1/certificates/{USER_NUMBER}/addresses"
REINSTALL = "Install your personal certificate again"


@dataclass
class Clock:
    """The registry's; it stands still until a test moves it."""

    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    path = tmp_path / "book.sqlite"
    path.write_bytes(book_of(filled))
    with opened(path) as store:
        yield Registry(store, clock)


@pytest.fixture
async def place(service: Registry, tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(service, tmp_path) as place:
        yield place


@pytest.fixture
def call(place: Place) -> Caller:
    return place.caller(kit.personal())


async def test_a_contact_person_lists_registers_and_removes(call: Caller) -> None:
    assert (await call("GET", OWN)).body == {"user_number": USER_NUMBER, "addresses": []}
    made = await call("PUT", f"{OWN}/{ADDRESS}")
    assert made.status == 201
    assert made.body == {
        "range": ADDRESS,
        "first": ADDRESS,
        "last": ADDRESS,
        "registered_by": PERSONAL_NUMBER,
        "registered_at": AT.isoformat(),
        "until": None,
        "counts": True,
    }
    assert (await call("GET", OWN)).body["addresses"] == [made.body]
    gone = await call("DELETE", f"{OWN}/{ADDRESS}")
    assert (gone.status, gone.body) == (204, None)
    assert (await call("GET", OWN)).body["addresses"] == []


async def test_the_own_organisations_certificates_are_listed_with_where_their_addresses_are(call: Caller) -> None:
    answer = await call("GET", "/v1/certificates")
    identity = identify(kit.system().certificate)
    assert answer.status == 200
    assert answer.body["certificates"] == [
        {
            "user_number": USER_NUMBER,
            "fingerprint": identity.fingerprint,
            "environment": "test",
            "state": "valid",
            "not_before": identity.not_before.isoformat(),
            "not_after": identity.not_after.isoformat(),
            "revoked_at": None,
            "services": [],
            "blocked": False,
            "deferred_until": None,
            "addresses": OWN,
        }
    ]


async def test_a_revoked_certificate_is_listed_with_the_moment(place: Place, call: Caller) -> None:
    place.service.revoke_certificate(identify(kit.system().certificate).fingerprint)
    (listed,) = (await call("GET", "/v1/certificates")).body["certificates"]
    assert (listed["state"], listed["revoked_at"]) == ("revoked", AT.isoformat())


async def test_q20_the_gate_has_the_change_before_the_contact_person_has_the_answer(place: Place, call: Caller) -> None:
    seen: list[Snapshot] = []
    place.service.subscribe(seen.append)
    await call("PUT", f"{OWN}/{ADDRESS}")
    fingerprint = identify(kit.system().certificate).fingerprint
    decision = decide(seen[-1], fingerprint=fingerprint, address=IPv4Address(ADDRESS), at=AT)
    assert decision == Allow(Because.REGISTERED)


async def test_registering_again_is_200_with_the_same_registration(call: Caller) -> None:
    first = await call("PUT", f"{OWN}/{ADDRESS}")
    again = await call("PUT", f"{OWN}/{ADDRESS}%2F32")
    assert (again.status, again.body, again.headers["Etag"]) == (200, first.body, first.headers["Etag"])


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("198.100.20.0/28", "198.100.20.0/28"),
        ("198.100.20.0%2F28", "198.100.20.0/28"),
        ("198.100.20.0-198.100.20.15", "198.100.20.0/28"),
        ("198.100.20.0%20%E2%80%93%20198.100.20.14", "198.100.20.0-198.100.20.14"),
    ],
)
async def test_q14_a_range_is_registered_and_removed_under_its_canonical_name(
    call: Caller, written: str, canonical: str
) -> None:
    made = await call("PUT", f"{OWN}/{written}")
    assert (made.status, made.body["range"]) == (201, canonical)
    assert made.headers["Content-Location"] == f"{OWN}/{canonical}"
    assert (await call("DELETE", f"{OWN}/{canonical}")).status == 204


async def test_q12_private_addresses_are_refused_with_how_to_find_the_public_one(call: Caller) -> None:
    answer = await call("PUT", f"{OWN}/192.168.1.10")
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["code"] == "address_private"
    assert "192.168.0.0/16" in answer.body["detail"]
    assert "from the very network where the system certificate runs" in answer.body["remedy"]


async def test_q13_ipv6_is_refused_with_the_advice_to_register_ipv4(call: Caller) -> None:
    answer = await call("PUT", f"{OWN}/2001:db8::1")
    assert (answer.status, answer.body["code"]) == (422, "address_ipv6")
    assert "Register the IPv4 address" in answer.body["remedy"]


async def test_removing_what_is_not_registered_is_404(call: Caller) -> None:
    answer = await call("DELETE", f"{OWN}/{ADDRESS}")
    assert (answer.status, answer.body["code"]) == (404, "address_not_found")


@pytest.mark.parametrize("number", [SYSTEM_ELDERS, "20009999000009", "x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_organisations_certificate_is_answered_as_one_that_does_not_exist(
    call: Caller, method: str, number: str
) -> None:
    path = f"/v1/certificates/{number}/addresses" + ("" if method == "GET" else f"/{ADDRESS}")
    answer = await call(method, path)
    assert (answer.status, answer.body["code"]) == (404, "certificate_not_found")


def of_tomorrow() -> Issued:
    return kit.authority().issue_personal(PERSONAL_NUMBER, "Anna", "Voorbeeld", ORGANISATION, at=AT + timedelta(days=1))


def expired_personal() -> Issued:
    return kit.authority().issue_personal(
        PERSONAL_NUMBER, "Anna", "Voorbeeld", ORGANISATION, at=AT - timedelta(days=31), days=30
    )


def foreign_personal() -> Issued:
    return kit.foreign_authority().issue_personal(
        PERSONAL_NUMBER, "Anna", "Voorbeeld", ORGANISATION, at=AT - timedelta(days=1)
    )


def unknown_personal() -> Issued:
    return kit.authority().issue_personal(PERSONAL_NUMBER, "Bram", "Voorbeeld", ORGANISATION, at=AT - timedelta(days=1))


REFUSED: dict[str, Callable[[], Issued | None]] = {
    "certificate_missing": lambda: None,
    "certificate_untrusted": foreign_personal,
    "certificate_expired": expired_personal,
    "certificate_not_yet_valid": of_tomorrow,
    "system_certificate": kit.system,
    "certificate_unknown": unknown_personal,
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("path", [f"{OWN}/{ADDRESS}", "/nowhere"])
async def test_q11_only_a_contact_persons_valid_personal_certificate_gets_past_the_door(
    place: Place, path: str, code: str
) -> None:
    before = place.service.snapshot
    answer = await place.caller(REFUSED[code]())("PUT", path)
    assert (answer.status, answer.body["code"]) == (403, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert place.service.snapshot is before


async def test_a_servers_certificate_is_no_login(place: Place) -> None:
    answer = await place.caller(kit.server())("GET", "/v1/certificates")
    assert (answer.status, answer.body["code"]) == (403, "certificate_untrusted")


async def test_q11_who_comes_with_an_expired_certificate_is_told_to_install_it_again(place: Place) -> None:
    answer = await place.caller(expired_personal())("GET", "/v1/certificates")
    assert answer.body["remedy"].startswith(REINSTALL)


async def test_a_certificate_that_is_revoked_lets_nobody_in_on_the_next_request(place: Place, call: Caller) -> None:
    assert (await call("GET", OWN)).status == 200
    place.service.revoke_certificate(identify(kit.personal().certificate).fingerprint)
    answer = await call("GET", OWN)
    assert (answer.status, answer.body["code"]) == (403, "certificate_revoked")


async def test_what_is_not_there_and_what_cannot_be_done_are_told_as_problems(call: Caller) -> None:
    nowhere = await call("GET", "/v1/nowhere")
    assert (nowhere.status, nowhere.body["code"]) == (404, "resource_not_found")
    refused = await call("POST", f"{OWN}/{ADDRESS}")
    assert (refused.status, refused.body["code"]) == (405, "method_refused")
    assert refused.headers["Allow"] == "DELETE, PUT"


async def test_a_book_that_is_gone_is_a_503_and_nothing_changes(place: Place, call: Caller, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "book.sqlite")) as connection, connection:
        connection.execute("DROP TABLE registrations")
    before = place.service.snapshot
    answer = await call("PUT", f"{OWN}/{ADDRESS}")
    assert (answer.status, answer.body["code"]) == (503, "book_unavailable")
    assert "INSERT" not in str(answer.body)
    assert place.service.snapshot is before


async def test_a_door_that_fails_lets_nobody_in_and_tells_nothing_of_the_inside(
    service: Registry, tmp_path: Path
) -> None:
    def broken(_: web.Request) -> Identity:
        raise RuntimeError("the inside")

    async with placed(service, tmp_path, broken) as place:
        answer = await place.caller(kit.personal())("GET", "/v1/certificates")
    assert (answer.status, answer.body["code"]) == (500, "internal_fault")
    assert "the inside" not in str(answer.body)
    assert [line["event"] for line in place.lines] == ["registry_fault", "registry_request"]
    assert place.lines[0]["kind"] == "RuntimeError"
    assert b"the inside" not in place.log.getvalue()


async def test_every_request_leaves_one_line_without_what_was_typed(place: Place, call: Caller) -> None:
    await call("PUT", f"{OWN}/999979668")
    await place.caller(None)("GET", "/999979668?999979668")
    assert [{name: line[name] for name in line if name != "timestamp"} for line in place.lines] == [
        {
            "event": "registry_request",
            "level": "info",
            "method": "PUT",
            "route": "/v1/certificates/{user_number}/addresses/{range}",
            "status": 422,
            "person": PERSONAL_NUMBER,
            "address": "127.0.0.1",
        },
        {
            "event": "registry_request",
            "level": "info",
            "method": "GET",
            "route": None,
            "status": 403,
            "person": None,
            "address": "127.0.0.1",
        },
    ]


async def test_many_contact_persons_at_once_leave_the_gate_with_the_book_as_it_is(place: Place, call: Caller) -> None:
    seen: list[int] = []
    place.service.subscribe(lambda snapshot: seen.append(snapshot.version))
    answers = await asyncio.gather(*(call("PUT", f"{OWN}/198.100.20.{last}") for last in range(30)))
    assert {answer.status for answer in answers} == {201}
    assert seen == sorted(seen)
    registered = place.service.snapshot.ranges_of(UserNumber(USER_NUMBER))
    assert len(registered) == len((await call("GET", OWN)).body["addresses"]) == 30


@pytest.fixture
def party(place: Place) -> Caller:
    """A software party's contact person, and the certificate to call under."""
    place.service.add_organisation(software_party())
    place.service.add_contact_person(contact_person(PERSON_PARTY, PARTY))
    issued = kit.authority().issue_personal(PERSON_PARTY, "Bert", "Voorbeeld", "Software", at=AT - timedelta(days=1))
    place.service.add_certificate(personal_of(issued, PERSON_PARTY, PARTY))
    return place.caller(issued)


async def test_a_party_registers_for_its_customers_and_a_provider_ticks_it(call: Caller, party: Caller) -> None:
    assert (await call("GET", "/v1/parties")).body == {"parties": []}
    missing = await call("PUT", f"/v1/parties/{PARTY}/selection")
    assert (missing.status, missing.body["code"]) == (404, "party_not_found")
    made = await party("PUT", f"/v1/customers/addresses/{ADDRESS}-198.100.20.9")
    assert (made.status, made.body["registered_by"]) == (201, PERSON_PARTY)
    assert made.headers["Content-Location"] == f"/v1/customers/addresses/{ADDRESS}-198.100.20.9"
    assert (await party("PUT", f"/v1/customers/addresses/{ADDRESS}-198.100.20.9")).status == 200
    assert (await party("GET", "/v1/customers/addresses")).body == {"addresses": [made.body]}
    ticks = [(await call("PUT", f"/v1/parties/{PARTY}/selection")).status for _ in range(2)]
    assert ticks == [201, 200]
    listed = {"id": PARTY, "name": software_party().name, "selected": True}
    assert (await call("GET", "/v1/parties")).body == {"parties": [listed]}
    backs = [(await call("DELETE", f"/v1/parties/{PARTY}/selection")).status for _ in range(2)]
    assert backs == [204, 404]
    gone = [(await party("DELETE", f"/v1/customers/addresses/{ADDRESS}-198.100.20.9")).status for _ in range(2)]
    assert gone == [204, 404]


async def test_neither_does_what_is_the_others(call: Caller, party: Caller) -> None:
    answers = [
        await call("GET", "/v1/customers/addresses"),
        await call("PUT", f"/v1/customers/addresses/{ADDRESS}"),
        await call("DELETE", f"/v1/customers/addresses/{ADDRESS}"),
        await party("GET", "/v1/parties"),
        await party("PUT", f"/v1/parties/{PARTY}/selection"),
        await party("DELETE", f"/v1/parties/{PARTY}/selection"),
    ]
    assert {(each.status, each.body["code"]) for each in answers} == {(403, "role_refused")}


async def test_q16_an_end_is_told_with_a_registration_and_changes_its_etag(call: Caller) -> None:
    lasting = await call("PUT", f"{OWN}/{ADDRESS}")
    end = (AT + timedelta(days=1)).isoformat()
    ending = await call("PUT", f"{OWN}/{ADDRESS}", {"until": end})
    assert (ending.status, ending.body["until"], ending.body["counts"]) == (200, end, True)
    assert ending.headers["Etag"] != lasting.headers["Etag"]
    past = await call("PUT", f"{OWN}/{ADDRESS}", {"until": AT.isoformat()})
    assert (past.status, past.body["code"]) == (422, "end_refused")
    wrongs: list[object] = [{"until": "2026-12-31"}, {"til": end}, [], {"until": "x" * 5000}]
    for wrong in wrongs:
        refused = await call("PUT", f"{OWN}/{ADDRESS}", wrong)
        assert (refused.status, refused.body["code"]) == (400, "body_refused")
    assert (await call("GET", OWN)).body["addresses"] == [ending.body]


async def test_a_registration_that_overlaps_others_is_told_so(call: Caller) -> None:
    await call("PUT", f"{OWN}/198.100.20.0/28")
    assert (await call("PUT", f"{OWN}/{ADDRESS}")).body["overlaps"] == ["198.100.20.0/28"]


async def test_who_has_a_list_already_is_told_just_that(call: Caller) -> None:
    known = (await call("GET", OWN)).headers["Etag"]
    same = await call("GET", OWN, headers={"If-None-Match": known})
    assert (same.status, same.body) == (304, None)
    await call("PUT", f"{OWN}/{ADDRESS}")
    assert (await call("GET", OWN, headers={"If-None-Match": known})).status == 200


async def test_everybody_is_told_who_they_are(call: Caller, party: Caller, support: Caller) -> None:
    told = [(await each("GET", "/v1/me")).body["organisation"]["role"] for each in (call, party, support)]
    assert told == ["care_provider", "software_party", "support"]


async def test_q25_a_provider_gives_and_withdraws_consent_and_the_party_sees_it(call: Caller, party: Caller) -> None:
    place = f"/v1/consents/{PARTY}/cov"
    assert [(await call("PUT", place)).status for _ in range(2)] == [201, 200]
    [given] = (await call("GET", "/v1/consents")).body["consents"]
    assert (given["party"], given["service"], given["given_by"]) == (PARTY, "cov", PERSONAL_NUMBER)
    assert (await party("GET", "/v1/consents")).body["consents"] == [given]
    assert [(await call("DELETE", place)).status for _ in range(2)] == [204, 404]
    unknown = await call("PUT", f"/v1/consents/{PARTY}/weather")
    assert (unknown.status, unknown.body["code"]) == (404, "service_unknown")


async def test_inc_a_certificate_is_collected_by_whose_it_is(place: Place, call: Caller, party: Caller) -> None:
    place.service.add_certificate(
        system_certificate(
            UserNumber(USER_NUMBER), mark=7, not_before=AT, not_after=AT + timedelta(days=1), collected_at=None
        )
    )
    there = f"/v1/collections/{print_of(7)}"
    assert (await party("PUT", there)).body["code"] == "certificate_not_found"
    assert [(await call("PUT", there)).status for _ in range(2)] == [201, 200]


@pytest.fixture
def support(place: Place) -> Caller:
    """Somebody of Support, and the certificate to call under."""
    place.service.add_organisation(support_organisation())
    place.service.add_contact_person(contact_person(PERSON_SUPPORT, SUPPORT))
    issued = kit.authority().issue_personal(PERSON_SUPPORT, "Sam", "Voorbeeld", "Support", at=AT - timedelta(days=1))
    place.service.add_certificate(personal_of(issued, PERSON_SUPPORT, SUPPORT))
    return place.caller(issued)


SUPPORTS = f"/v1/support/certificates/{USER_NUMBER}"


async def test_q20_support_blocks_authorises_and_revokes(place: Place, call: Caller, support: Caller) -> None:
    assert [(await support("PUT", f"{SUPPORTS}/block")).status for _ in range(2)] == [201, 200]
    assert [(await support("PUT", f"{SUPPORTS}/services/cov")).status for _ in range(2)] == [201, 200]
    own = f"/v1/support/organisations/{contact_person().organisation}/certificates"
    [held] = (await support("GET", own)).body["certificates"]
    assert (held["blocked"], held["services"]) == (True, ["cov"])
    assert (await call("GET", "/v1/certificates")).body["certificates"] == [held]
    assert [(await support("DELETE", f"{SUPPORTS}/block")).status for _ in range(2)] == [204, 404]
    assert [(await support("DELETE", f"{SUPPORTS}/services/cov")).status for _ in range(2)] == [204, 404]
    revoked = f"/v1/support/revocations/{held['fingerprint']}"
    assert [(await support("PUT", revoked)).status for _ in range(2)] == [201, 200]
    assert len((await support("GET", "/v1/support/organisations")).body["organisations"]) == 3
    assert (await support("GET", "/v1/support/organisations/nergens/certificates")).status == 404
    assert (await support("PUT", f"{SUPPORTS}/deferral")).body["code"] == "body_refused"


async def test_q20_support_defers_the_check(clock: Clock, support: Caller) -> None:
    monday = AT.replace(hour=12, minute=0) - timedelta(days=AT.weekday())
    clock.now = tuesday = monday + timedelta(days=8)
    until = (tuesday + timedelta(days=1)).isoformat()
    deferred = await support("PUT", f"{SUPPORTS}/deferral", {"until": until})
    assert (deferred.status, deferred.body["deferred_until"]) == (200, until)
    assert [(await support("DELETE", f"{SUPPORTS}/deferral")).status for _ in range(2)] == [204, 404]
    too_long = await support("PUT", f"{SUPPORTS}/deferral", {"until": (tuesday + timedelta(days=99)).isoformat()})
    assert (too_long.status, too_long.body["code"]) == (422, "deferral_refused")
    clock.now = tuesday + timedelta(hours=12)
    assert (await support("PUT", f"{SUPPORTS}/deferral", {"until": until})).body["code"] == "deferral_refused"


# What each kind of caller may do with what is the first provider's: the rightful one can, so that a server which
# refuses everybody would not pass.
OBJECTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("GET", OWN): ("provider",),
    ("PUT", f"{OWN}/{ADDRESS}"): ("provider",),
    ("DELETE", f"{OWN}/{ADDRESS}"): ("provider",),
    ("PUT", f"/v1/collections/{identify(kit.system().certificate).fingerprint}"): ("provider",),
    ("GET", f"/v1/support/organisations/{contact_person().organisation}/certificates"): ("support",),
    ("PUT", f"{SUPPORTS}/block"): ("support",),
    ("DELETE", f"{SUPPORTS}/block"): ("support",),
    ("PUT", f"{SUPPORTS}/services/cov"): ("support",),
    ("DELETE", f"{SUPPORTS}/services/cov"): ("support",),
    ("DELETE", f"{SUPPORTS}/deferral"): (),  # there is none
    ("GET", "/v1/support/organisations"): ("support",),
}


async def test_nobody_reaches_what_is_anothers(place: Place, call: Caller, party: Caller, support: Caller) -> None:
    issued = kit.authority().issue_personal(PERSON_ELDERS, "Else", "Elders", "Elders", at=AT - timedelta(days=1))
    place.service.add_contact_person(contact_person(PERSON_ELDERS, ELDERS))
    place.service.add_certificate(personal_of(issued, PERSON_ELDERS, ELDERS))
    callers = {"elsewhere": place.caller(issued), "party": party, "support": support, "provider": call}
    for (method, path), may in OBJECTS.items():
        for name, caller in callers.items():
            before = place.service.snapshot
            answer = await caller(method, path)
            if name not in may:
                assert place.service.snapshot is before, (name, method, path)
            if name in may:
                assert answer.status < 300, (name, method, path, answer)
            else:
                assert answer.status in (403, 404), (name, method, path, answer)
