"""Skipping: said aloud with its reason, and not allowed at all where TESTS_MAY_SKIP is "no"."""

import os

import pytest


def needed(what: str, *, found: bool, remedy: str = "install it") -> None:
    """Go on when `what` was found here; otherwise skip, or fail where nothing may be skipped."""
    if found:
        return
    reason = f"{what} is missing here: {remedy}"
    if os.environ.get("TESTS_MAY_SKIP") == "no":
        pytest.fail(reason)
    pytest.skip(reason)
