"""What the README shows of settings is in order."""

import re
import tomllib
from pathlib import Path

from relay.settings.relay import MailServer


def test_the_mail_server_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [block] = re.findall(r"```toml\n(\[mail\]\n.*?)```", readme, re.DOTALL)
    mail = MailServer.model_validate(tomllib.loads(block)["mail"])
    assert (mail.tls, list(mail.faults())) == ("starttls", [])
