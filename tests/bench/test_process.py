"""Ports that the bench gives out before anybody listens on them."""

import socket

import pytest

from bench.process import free_port


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    names = iter([("127.0.0.1", first), ("127.0.0.1", first), ("127.0.0.1", first + 1)])
    monkeypatch.setattr(socket.socket, "getsockname", lambda self: next(names))
    assert free_port() == first + 1
