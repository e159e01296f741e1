"""The fronts that are compared: each a real process that does the relay's job before the same upstream."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from bench.fronts.front import Starter
from bench.fronts.haproxy import haproxy
from bench.fronts.nginx import nginx_howto, nginx_tuned
from bench.fronts.python import aiohttp_front, fastapi_front
from bench.fronts.relay import SOURCE, relay

FRONTS: Final[Mapping[str, Starter]] = {
    "relay": partial(relay, name="relay"),
    "nginx-tuned": nginx_tuned,
    "nginx-howto": nginx_howto,
    "haproxy": partial(haproxy, name="haproxy"),
    "aiohttp": aiohttp_front,
    "fastapi-httpx": fastapi_front,
    "haproxy-proxy-v2": partial(haproxy, name="haproxy-proxy-v2", proxied=True),
    "relay-proxy-v2": partial(relay, name="relay-proxy-v2", proxied=True),
    "relay-source": partial(relay, name="relay-source", python=SOURCE),
    "relay-client-certificate": partial(relay, name="relay-client-certificate", asking=True),
    "relay-client-certificate-shown": partial(relay, name="relay-client-certificate-shown", asking=True, shown=True),
    "haproxy-client-certificate": partial(haproxy, name="haproxy-client-certificate", asking=True),
    "haproxy-client-certificate-shown": partial(
        haproxy, name="haproxy-client-certificate-shown", asking=True, shown=True
    ),
    "relay-token": partial(relay, name="relay-token", tokened=True),
    "relay-workers-2": partial(relay, name="relay-workers-2", workers=2),
}

# Works leave these out until the relay has what they need; then they leave this set, and nothing else changes.
NOT_YET: Final[frozenset[str]] = frozenset()
