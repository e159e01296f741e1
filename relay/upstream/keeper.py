"""Who keeps a system certificate, as the PKCS#12 file that it was exported to: this machine, or a vault elsewhere."""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from relay.x509.watch import Stamp, stamp_of

# How often a vault is asked for what it keeps. Seconds.
ASK_EVERY: Final = 60.0
# How long an answer may take in all: the vendors' deadlines are for each piece of it, and pieces may go on for ever.
_GIVE_UP: Final = 50.0


class Lack(StrEnum):
    """Why there is no certificate to use."""

    ABSENT = "there is none"
    UNREACHED = "its keeper did not answer, and may do so later"
    UNREADABLE = "it cannot be had as things are set"
    UNFIT = "what is kept cannot be used"


class KeeperFault(Exception):
    """A keeper gives no certificate. `detail` is for the operator, `cause` for callers, who are told of no places."""

    def __init__(self, lack: Lack, detail: str, *, cause: str) -> None:
        super().__init__(detail)
        self.lack = lack
        self.detail = detail
        self.cause = cause


class Keeper(Protocol):
    """Whoever keeps a PKCS#12 file. What all keep to is in `tests/contract/test_keeper.py`; `str` tells where it is."""

    @property
    def setting(self) -> str:
        """The name of the setting that says where it is kept."""
        ...

    def stamp(self) -> Stamp:
        """Return at once a value that differs whenever it is time to look again."""
        ...

    def hurry(self) -> None:
        """Have the next stamp differ, where nothing but asking tells whether anything changed."""
        ...

    def octets(self) -> bytes:
        """Return what is kept now; this may take seconds. Raises KeeperFault."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A .p12 or .pfx file on this machine."""

    path: Path
    setting: str = "file"

    def __str__(self) -> str:
        return str(self.path)

    def stamp(self) -> Stamp:
        """Return a value that differs whenever the file may have changed, through links as well."""
        return stamp_of(self.path)

    def hurry(self) -> None:
        """Do nothing: its stamp tells all."""

    def octets(self) -> bytes:
        """Return the file. Raises KeeperFault."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            detail = f"{self.path} does not exist"
            raise KeeperFault(Lack.ABSENT, detail, cause="The file does not exist.") from None
        except OSError as error:
            detail = f"{self.path} cannot be read: {error.strerror}"
            raise KeeperFault(Lack.UNREADABLE, detail, cause="The file cannot be read.") from None


class Vault:
    """A secret in a vault, asked for every so often and never put on a disk.

    `fetch` asks for what is at a place, and raises KeeperFault. It is not asked again before it has answered.
    """

    def __init__(
        self,
        setting: str,
        place: str,
        fetch: Callable[[str], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.setting = setting
        self._place = place
        self._fetch = fetch
        self._clock = clock
        self._since = clock()
        self._hurried = 0
        self._asking = False

    def __str__(self) -> str:
        return self._place

    def __repr__(self) -> str:
        return f"<Vault {self._place}>"

    def stamp(self) -> Stamp:
        """Return a value that differs from one minute to the next."""
        return ((self._hurried, int((self._clock() - self._since) // ASK_EVERY), 0),)

    def hurry(self) -> None:
        """Ask again at the next look."""
        self._hurried += 1

    def octets(self) -> bytes:
        """Return what the vault has. Raises KeeperFault, and within a minute."""
        try:
            return self._fetched()
        except KeeperFault as fault:
            raise KeeperFault(fault.lack, f"{self._place}: {fault.detail}", cause=fault.cause) from None

    def _fetched(self) -> bytes:
        if self._asking:
            raise unreached("it has not answered yet what it was asked before")
        self._asking, answer = True, Future[bytes]()

        def ask() -> None:
            try:
                octets = self._fetch(self._place)
            except BaseException as error:  # noqa: BLE001  # whoever waits has it raised
                self._asking = False
                answer.set_exception(error)
            else:
                self._asking = False
                answer.set_result(octets)

        # A thread of its own, which keeps nothing from ending.
        threading.Thread(target=ask, name="vault", daemon=True).start()
        try:
            return answer.result(_GIVE_UP)
        except TimeoutError:
            raise unreached(f"no answer within {_GIVE_UP:g} seconds") from None


# -- for those who fetch -------------------------------------------------------------------------------------------


def decoded(text: str, *, remedy: str) -> bytes:
    """Return the PKCS#12 file that a secret holds as text: in base64. Raises KeeperFault, which never quotes it."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        found = "is PEM" if text.lstrip().startswith("-----BEGIN") else "is no base64"
        raise KeeperFault(
            Lack.UNFIT,
            f"it {found}, and not a PKCS#12 file in base64: {remedy}",
            cause="What the vault keeps is not a PKCS#12 file.",
        ) from None


def not_installed(what: str, extra: str) -> KeeperFault:
    """Return that the vendor's own software is not here."""
    remedy = f"in its clone `pip install -r requirements/vaults.txt`, or `pip install '.[{extra}]'`"
    detail = f"{what} is not installed, which comes with relay's extra {extra}: {remedy}"
    return KeeperFault(Lack.UNREADABLE, detail, cause="The relay lacks the software to ask the vault that keeps it.")


def unreached(detail: str) -> KeeperFault:
    """Return that the vault did not answer, or not in order."""
    return KeeperFault(Lack.UNREACHED, detail, cause="The vault that keeps it cannot be reached.")


def withheld(detail: str) -> KeeperFault:
    """Return that the vault does not give it to us."""
    return KeeperFault(Lack.UNREADABLE, detail, cause="The vault that keeps it does not give it to the relay.")


def nothing_there(detail: str) -> KeeperFault:
    """Return that the vault has nothing of this name."""
    return KeeperFault(Lack.ABSENT, detail, cause="The vault has no certificate of this name.")
