"""The table of problems: complete, and with statuses that make nobody repeat what may not be repeated."""

import re
from collections.abc import Iterator

import pytest

from relay.errors import AlreadyAsked, CallInProgress, OutcomeUnknown, RelayError, Sent
from relay.problems.answer import REASONS
from relay.problems.table import PROBLEMS, Problem, remedy_of
from relay.settings.words import Family

# Flow repeats 408, 429 and 5xx; webhooks repeat 502, 503 and 504.
REPEATED_4XX = {408, 429}
# The caller may repeat these, for nothing can have been processed: it mends its own pace, or the relay's state.
NOT_PERMANENT = {"body_too_slow", "head_too_slow", "limit_reached"}
# Neither is the caller's to mend, nor does a pause mend it; nothing was sent, so a repeat does no harm.
OWN_FAULTS = {"coding_unknown", "internal_fault", "looped", "method_unknown", "version_unknown"}


def _leaves(root: type[RelayError]) -> Iterator[type[RelayError]]:
    for kind in root.__subclasses__():
        yield from _leaves(kind) if kind.__subclasses__() else (kind,)


def _told(sent: Sent) -> list[tuple[type[RelayError], Problem]]:
    return [(kind, problem) for kind, problem in PROBLEMS.items() if kind.sent is sent]


def test_every_leaf_of_the_tree_has_its_problem_and_every_problem_its_leaf() -> None:
    ours = {kind for kind in _leaves(RelayError) if kind.__module__ == "relay.errors"}
    assert ours == set(PROBLEMS)


def test_codes_are_words_of_their_own() -> None:
    codes = [problem.code for problem in PROBLEMS.values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda problem: problem.code)
def test_a_problem_says_what_to_do_and_its_status_has_a_reason_phrase(problem: Problem) -> None:
    assert problem.title
    assert problem.remedy.endswith(".")
    assert problem.status in REASONS


def test_a_permanent_fault_has_a_status_that_nobody_repeats() -> None:
    for _, problem in _told(Sent.NO):
        if problem.status < 500 and problem.code not in NOT_PERMANENT:
            assert 400 <= problem.status < 500, problem.code
            assert problem.status not in REPEATED_4XX, problem.code


def test_provably_not_sent_on_the_way_out_is_503_with_when_to_repeat() -> None:
    for _, problem in _told(Sent.NO):
        if problem.status >= 500 and problem.code not in OWN_FAULTS:
            assert problem.status == 503, problem.code
            assert problem.retry_after, problem.code


def test_only_503_says_when_to_repeat() -> None:
    assert {problem.status for problem in PROBLEMS.values() if problem.retry_after} == {503}


def test_a_call_that_may_have_been_processed_is_409_and_never_provokes_a_repeat() -> None:
    problem = PROBLEMS[OutcomeUnknown]
    assert problem.status == 409
    assert "Do not send it again" in problem.remedy


def test_an_unknown_outcome_is_5xx_only_where_the_remedy_says_that_a_repeat_does_no_harm() -> None:
    for kind, problem in _told(Sent.UNKNOWN):
        if kind is not OutcomeUnknown and not issubclass(kind, AlreadyAsked):
            assert problem.status in (502, 504), problem.code
            assert "no harm when repeated" in problem.remedy, problem.code


def test_the_proxy_errors_are_of_the_rfc() -> None:
    # RFC 9209 section 2.3, as registered with IANA.
    registered = {
        "dns_timeout", "dns_error", "destination_not_found", "destination_unavailable", "destination_ip_prohibited",
        "destination_ip_unroutable", "connection_refused", "connection_terminated", "connection_timeout",
        "connection_read_timeout", "connection_write_timeout", "connection_limit_reached", "tls_protocol_error",
        "tls_certificate_error", "tls_alert_received", "http_request_error", "http_request_denied",
        "http_response_incomplete", "http_response_header_section_size", "http_response_header_size",
        "http_response_body_size", "http_response_trailer_section_size", "http_response_trailer_size",
        "http_response_transfer_coding", "http_response_content_coding", "http_response_timeout",
        "http_upgrade_failed", "http_protocol_error", "proxy_internal_response", "proxy_internal_error",
        "proxy_configuration_error", "proxy_loop_detected",
    }  # fmt: skip
    used = {problem.proxy_error for problem in PROBLEMS.values() if problem.proxy_error}
    assert used <= registered


@pytest.mark.parametrize("family", [None, *Family])
def test_what_may_have_been_processed_is_to_be_looked_up_unless_a_repeat_does_no_harm(family: Family | None) -> None:
    for kind, problem in PROBLEMS.items():
        remedies = [remedy_of(kind("x"), family=family, harmless=harmless) for harmless in (False, True)]
        assert remedies[1] == problem.remedy
        unknown = kind.sent is Sent.UNKNOWN and kind is not CallInProgress
        assert ("Do not send it again" in remedies[0]) == unknown, problem.code


def test_what_a_key_stopped_is_never_told_so_that_a_caller_repeats_it() -> None:
    told = {problem.code: problem.status for kind, problem in PROBLEMS.items() if issubclass(kind, AlreadyAsked)}
    assert told == {"already_sent": 409, "in_progress": 409}
