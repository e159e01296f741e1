"""Own errors of the aiohttp faces as RFC 9457 problem+json."""

import orjson
from aiohttp import web


def problem(status: int, code: str, title: str, detail: str, **members: str | int | None) -> web.Response:
    """Return an `application/problem+json` answer; `members` that are None stay away."""
    body = {"type": f"urn:relay:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    body |= {name: value for name, value in members.items() if value is not None}
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/problem+json")
