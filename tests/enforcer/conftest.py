"""What the gate's tests share: the file of authorities that callers trust the gate by."""

from pathlib import Path

import pytest

from tests.kit import authority as kit


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file
