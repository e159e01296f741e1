"""What all tests share: the event loop that the product runs on."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

from tests.kit.tested import which


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


def pytest_report_header() -> str:
    return f"relay: {which()}"
