"""Own errors in the caller's language: problem+json (RFC 9457), or a SOAP Fault of the call's version."""

import json
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Final, NamedTuple

from relay.errors import MethodRefused, RelayError
from relay.message.fields import Field, Fields
from relay.message.head import ResponseHead
from relay.problems.table import PROBLEMS, Problem
from relay.soap.fault import fault
from relay.soap.recognise import SoapVersion

REASONS = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    409: b"Conflict",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    421: b"Misdirected Request",
    422: b"Unprocessable Content",
    431: b"Request Header Fields Too Large",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    508: b"Loop Detected",
}

# WCF reads a Fault from a 500 only, but maps 401 and 403 to an exception of its own.
_TRUE_FOR_WCF = frozenset((401, 403))


_ALLOW: Final[Field] = (b"Allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
# A 401 has to name a scheme, also where TLS alone tells who calls.
_NO_SCHEME: Final = (b'ClientCertificate realm="relay"',)


class Answer(NamedTuple):
    """A whole answer of our own."""

    head: ResponseHead
    body: bytes


def answer(
    error: RelayError,
    *,
    request_id: str,
    at: datetime,
    soap: SoapVersion | None,
    faults_as_500: bool,
    pseudonym: str,
    remedy: str = "",
    challenges: Sequence[bytes] = (),
) -> Answer:
    """Return what the caller gets for `error`, made `at` this time (UTC).

    `soap` is the call's version when it is SOAP; `faults_as_500` says that this client's WCF wants it so. `remedy`
    takes the place of the table's where more is known of the call. `challenges` go with a 401: the schemes by which
    callers can prove themselves.
    """
    problem = PROBLEMS[type(error)]
    status = problem.status
    remedy = remedy or problem.remedy
    if soap:
        body, content_type = _soap(problem, error, request_id, remedy, soap), soap.content_type
        if faults_as_500 and status not in _TRUE_FOR_WCF:
            status = 500
    else:
        body, content_type = _json(problem, error, request_id, remedy), "application/problem+json"
    fields = Fields(
        (
            (b"Content-Type", content_type.encode()),
            (b"Content-Length", b"%d" % len(body)),
            (b"Cache-Control", b"no-store"),
            (b"Date", http_date(at)),
            (b"X-Relay-Request-Id", request_id.encode()),
            *_fields(problem, error, pseudonym, challenges),
        )
    )
    return Answer(ResponseHead(status, REASONS[status], fields), body)


def about_us(*, request_id: str, at: datetime, pseudonym: str) -> Answer:
    """Return the answer to an OPTIONS that asks about the relay itself (RFC 9110 section 9.3.7)."""
    fields = Fields(
        (
            _ALLOW,
            (b"Date", http_date(at)),
            (b"X-Relay-Request-Id", request_id.encode()),
            (b"Proxy-Status", pseudonym.encode()),
        )
    )
    return Answer(ResponseHead(204, b"No Content", fields), b"")


def http_date(at: datetime) -> bytes:
    """Return a time (UTC) as the Date field has it (RFC 9110 section 5.6.7)."""
    return format_datetime(at, usegmt=True).encode()


def _fields(problem: Problem, error: RelayError, pseudonym: str, challenges: Sequence[bytes]) -> list[Field]:
    fields = [(b"Proxy-Status", _proxy_status(problem, pseudonym).encode())]
    if (seconds := _retry_after(problem, error)) is not None:
        fields.append((b"Retry-After", b"%d" % seconds))
    if error.cause:
        fields.append((b"X-Relay-Cause", error.cause.encode()))
    if problem.status == 401:  # RFC 9110 section 15.5.2
        fields += [(b"WWW-Authenticate", challenge) for challenge in challenges or _NO_SCHEME]
    if isinstance(error, MethodRefused):
        fields.append(_ALLOW)
    return fields


def _retry_after(problem: Problem, error: RelayError) -> int | None:
    return problem.retry_after if error.retry_after is None else error.retry_after


def _proxy_status(problem: Problem, pseudonym: str) -> str:
    error = f"; error={problem.proxy_error}" if problem.proxy_error else ""
    return f'{pseudonym}{error}; details="{problem.code}"'


def _json(problem: Problem, error: RelayError, request_id: str, remedy: str) -> bytes:
    members: dict[str, object] = {
        "type": f"urn:relay:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.detail,
        "code": problem.code,
        "sent": error.sent.value,
        "remedy": remedy,
        "request_id": request_id,
        **error.facts,
    }
    if error.cause:
        members["cause"] = error.cause
    if (seconds := _retry_after(problem, error)) is not None:
        members["retry_after"] = seconds
    return json.dumps(members, ensure_ascii=False).encode()


def _soap(problem: Problem, error: RelayError, request_id: str, remedy: str, version: SoapVersion) -> bytes:
    detail = {"sent": error.sent.value, "request-id": request_id, "remedy": remedy}
    detail |= {name.replace("_", "-"): str(fact) for name, fact in error.facts.items()}
    if error.cause:
        detail["cause"] = error.cause
    if (seconds := _retry_after(problem, error)) is not None:
        detail["retry-after"] = str(seconds)
    return fault(
        version, code=problem.code, status=problem.status, detail=detail, text=f"{problem.title}: {error.detail}"
    )
