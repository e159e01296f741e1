"""A secret in a file of its own, one line of text; and what has a password there, or in the environment."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from relay.settings.load import Branch, SettingsPath


class SecretFault(Exception):
    """The file of a secret cannot be used. The detail names it and says why; `why` alone is for those told no paths.

    `absent`: there is no such file. What is in it is in neither.
    """

    def __init__(self, path: Path, why: str, *, remedy: str = "", absent: bool = False) -> None:
        super().__init__(f"{path} {why}{remedy}")
        self.detail = f"{path} {why}{remedy}"
        self.why = why
        self.absent = absent


def read_secret(path: Path) -> str:
    """Return the secret, without the line end that editors put behind it. Raises SecretFault."""
    try:
        return path.read_bytes().decode("utf-8").rstrip("\r\n")
    except FileNotFoundError:
        raise SecretFault(path, "does not exist", absent=True) from None
    except OSError as error:
        raise SecretFault(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretFault(path, "is not text in UTF-8", remedy="; write the password alone on one line") from None


class Locked(Branch):
    """A server that may want a password."""

    password_file: SettingsPath | None = Field(default=None, description="A file with its password, if it has one.")
    password: SecretStr | None = Field(default=None, description="The password, for environment variables.")

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password_file is not None and self.password is not None:
            raise ValueError("give either password_file or password")
        return self

    def secret(self) -> str | None:
        """Return the password, if there is one. Raises SecretFault."""
        if self.password_file is not None:
            return read_secret(self.password_file)
        return None if self.password is None else self.password.get_secret_value()
