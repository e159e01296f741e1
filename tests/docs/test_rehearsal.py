"""What docs/registry.md shows to rehearse with works as it stands."""

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay.cli import main
from relay.compose.rehearsal import Place, new_rehearsal
from relay.enforcer.services.cov.question import read_question
from relay.soap.recognise import SoapVersion
from tests.kit.tables import DOCS


def shown(name: str) -> str:
    """Return the block under the comment with its file's name."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", (DOCS / "registry.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("more", ["", shown("asking.toml")], ids=["alone", "asking the registry"])
def test_the_relay_toml_is_in_order_beside_a_rehearsal(tmp_path: Path, more: str) -> None:
    place = Place(
        address=IPv4Address("127.0.0.1"), names=["localhost"], gate_port=8444, registry_port=8445, operator_port=9091
    )
    new_rehearsal(tmp_path / "rehearsal", place, at=datetime.now(UTC))
    (tmp_path / "relay.toml").write_text(shown("relay.toml") + more)
    result = CliRunner().invoke(main, ["check", "--config", str(tmp_path / "relay.toml")])
    assert result.exit_code == 0, result.output


def test_the_question_is_one_that_the_insurance_check_reads() -> None:
    [query] = read_question(shown("question.xml").encode(), SoapVersion.V1_1).queries
    assert query.bsn == "999979668"
