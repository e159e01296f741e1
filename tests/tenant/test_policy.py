"""A client's policy: each condition by itself, and the first that is missed."""

from datetime import UTC, datetime

import pytest

from relay.message.fields import Field, Fields
from relay.message.framing import CHUNKED, NO_BODY, Framing, Length
from relay.message.head import RequestHead
from relay.settings.words import Environment, Family
from relay.tenant.hours import Hours
from relay.tenant.policy import MISSES, Condition, Policy, environment_id
from relay.tenant.routing import Route

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
COV = Route(name="cov", prefix=b"/acc/cov", host="a.example", environment=Environment.ACCEPTANCE, family=Family.SOAP)
GUID = b"0f8fad5b-d9cb-469f-a165-70867728950e"


def _head(*fields: Field, method: bytes = b"POST") -> RequestHead:
    return RequestHead(method, b"/acc/cov", Fields(fields))


def _miss(policy: Policy, head: RequestHead, framing: Framing = NO_BODY) -> Condition | None:
    return policy.miss(head, framing, COV, AT)


def test_what_is_left_out_is_not_restricted() -> None:
    assert _miss(Policy(enforced=True), _head(), Length(10**9)) is None


def test_an_environment_that_is_not_listed_is_missed() -> None:
    assert _miss(Policy(enforced=True, environments=frozenset((Environment.ACCEPTANCE,))), _head()) is None
    for others in (frozenset((Environment.PRODUCTION, Environment.TEST)), frozenset[Environment]()):
        assert _miss(Policy(enforced=True, environments=others), _head()) is Condition.ENVIRONMENTS


@pytest.mark.parametrize(
    ("routes", "passes"), [("cov", True), ("soap", True), ("claims cov", True), ("claims", False), ("iwlz", False)]
)
def test_a_route_is_listed_by_its_name_or_by_its_family(routes: str, passes: bool) -> None:
    miss = _miss(Policy(enforced=True, routes=frozenset(routes.split())), _head())
    assert miss == (None if passes else Condition.ROUTES)


def test_a_method_that_is_not_listed_is_missed() -> None:
    policy = Policy(enforced=True, methods=frozenset((b"POST", b"GET")))
    assert [_miss(policy, _head(method=method)) for method in (b"GET", b"POST")] == [None, None]
    assert _miss(policy, _head(method=b"DELETE")) is Condition.METHODS
    assert _miss(policy, _head(method=b"get")) is Condition.METHODS


@pytest.mark.parametrize("name", [b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override"])
def test_a_method_that_another_stands_for_has_to_be_listed_as_well(name: bytes) -> None:
    policy = Policy(enforced=True, methods=frozenset((b"POST", b"PUT")))
    assert [_miss(policy, _head((name, told))) for told in (b"PUT", b"put")] == [None, None]
    for told in (b"DELETE", b"delete", b"", b"PUT, DELETE"):
        assert _miss(policy, _head((name, told))) is Condition.METHODS
    assert _miss(policy, _head((name, b"PUT"), (name, b"DELETE"))) is Condition.METHODS
    assert _miss(policy, _head((name, b"PUT"), method=b"GET")) is Condition.METHODS
    assert _miss(Policy(enforced=True), _head((name, b"DELETE"))) is None


@pytest.mark.parametrize(
    ("told", "framing", "passes"),
    [
        (["text/xml"], Length(1), True),
        (["Text/XML; charset=utf-8"], CHUNKED, True),
        (["text/xml;charset=utf-8"], Length(0), True),
        (["text/plain"], Length(1), False),
        (["text/plain"], Length(0), False),
        (["text/xml", "text/plain"], Length(1), False),
        (["text/xmlx"], Length(1), False),
        ([""], Length(1), False),
        ([], Length(0), True),
        ([], Length(1), False),
        ([], CHUNKED, False),
    ],
)
def test_a_body_has_one_of_the_types_listed_and_says_so(told: list[str], framing: Framing, passes: bool) -> None:
    policy = Policy(enforced=True, content_types=frozenset((b"text/xml",)))
    miss = _miss(policy, _head(*((b"Content-Type", each.encode()) for each in told)), framing)
    assert miss == (None if passes else Condition.CONTENT_TYPES)


@pytest.mark.parametrize(
    ("told", "passes"),
    [
        ([GUID], True),
        ([GUID.upper()], True),
        ([b"{" + GUID + b"}"], True),
        ([], False),
        ([b""], False),
        ([GUID[:-1] + b"f"], False),
        ([GUID, GUID], False),
        ([GUID + b", " + GUID], False),
    ],
)
def test_a_call_comes_from_a_dataverse_environment_that_is_listed_and_says_so(told: list[bytes], passes: bool) -> None:
    policy = Policy(enforced=True, dataverse=frozenset((environment_id(GUID),)), dataverse_field=b"x-environment")
    miss = _miss(policy, _head(*((b"X-Environment", each) for each in told)))
    assert miss == (None if passes else Condition.DATAVERSE)


def test_outside_the_hours_a_call_is_missed() -> None:
    assert _miss(Policy(enforced=True, hours=Hours(["mon 12:00-13:00"], UTC)), _head()) is None
    assert _miss(Policy(enforced=True, hours=Hours(["mon 13:00-14:00"], UTC)), _head()) is Condition.HOURS


def test_a_body_that_is_said_to_be_too_long_is_missed() -> None:
    policy = Policy(enforced=True, max_body=10)
    assert [_miss(policy, _head(), framing) for framing in (Length(10), CHUNKED)] == [None, None]
    assert _miss(policy, _head(), Length(11)) is Condition.MAX_BODY


def test_of_several_the_first_is_told() -> None:
    policy = Policy(enforced=False, methods=frozenset((b"GET",)), hours=Hours(["sun 12:00-13:00"], UTC), max_body=1)
    assert _miss(policy, _head(), Length(2)) is Condition.METHODS
    assert _miss(policy, _head(method=b"GET"), Length(2)) is Condition.HOURS


def test_each_condition_has_its_words() -> None:
    assert set(MISSES) == set(Condition)
