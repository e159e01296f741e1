"""A secret in a file of its own: one line of text."""

from pathlib import Path


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
