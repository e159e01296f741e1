"""What the README and the handbook show of settings is in order."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.errors import SettingsFault
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings
from relay.settings.relay import MailServer, RelaySettings
from tests.kit.tables import DOCS

README = DOCS.parent / "README.md"


def _blocks() -> Iterator[tuple[str, str]]:
    for page in (README, *sorted(DOCS.glob("*.md"))):
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL), 1):
            yield f"{page.name} {number}", block


SHOWN = dict(_blocks())


def _faults(settings: type[RelaySettings | ReferenceSettings], file: Path) -> list[tuple[str, str]]:
    """Return what is wrong with a file, but for what it lacks: by itself a block lacks what others give."""
    try:
        load(settings, file, prefix=None)
    except SettingsFault as fault:
        return [each for each in fault.faults if each[1] != "is required"]
    return []


@pytest.mark.parametrize("block", SHOWN.values(), ids=SHOWN)
def test_every_setting_that_is_shown_is_one(tmp_path: Path, block: str) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(block.replace("AB:CD:...", "ab" * 32))
    assert [] in (faults := [_faults(RelaySettings, file), _faults(ReferenceSettings, file)]), faults


def test_the_mail_server_in_the_readme_is_one() -> None:
    [block] = [block for block in SHOWN.values() if block.startswith("[mail]")]
    mail = MailServer.model_validate(tomllib.loads(block)["mail"])
    assert (mail.tls, list(mail.faults())) == ("starttls", [])


def test_the_command_for_all_tests_installs_what_continuous_integration_does() -> None:
    [command] = re.findall(r"apt-get install -y (.*) && make test\n", README.read_text())
    lists = re.findall(r'packages="(?:\$packages )?(.*)"', (README.parent / ".ci" / "run").read_text())
    assert set(" ".join(lists).split()) <= set(command.split())
