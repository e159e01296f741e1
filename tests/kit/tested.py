"""Which relay is tested: the source as it stands, or a wheel in which the hot modules are compiled."""

import os
from pathlib import Path

import relay.gateway.journey

# With TESTED_COMPILED=1 in the environment (make test-compiled) a test that runs the source is a test that fails.
COMPILED = os.environ.get("TESTED_COMPILED") == "1"


def which() -> str:
    """Return it in words, with its place."""
    module = Path(str(relay.gateway.journey.__file__))
    return f"{'source' if module.suffix == '.py' else 'compiled'}, in {module.parents[1]}"
