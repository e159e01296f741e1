"""The relay, put together: settings in, everything built and every fault told, then run until it is told to stop."""

from relay.compose.relay.build import Built, BuiltTenant, BuiltTrust, build
from relay.compose.relay.parent import presiding
from relay.compose.relay.run import Running, running
from relay.compose.relay.ways import BuiltWay
from relay.compose.relay.worker import worker

__all__ = [
    "Built",
    "BuiltTenant",
    "BuiltTrust",
    "BuiltWay",
    "Running",
    "build",
    "presiding",
    "running",
    "worker",
]
