"""Whether callers are asked for a certificate in TLS: as soon as one client has any, and no longer than that."""

from dataclasses import replace

from relay.front.certificate import ServerFiles
from relay.x509.watch import Stamp


class Asking:
    """The files of the server certificate, and whether callers are asked for theirs.

    A change of either gives another stamp, so that whoever watches it has callers received anew.
    """

    def __init__(self, files: ServerFiles) -> None:
        self.files = files

    def __repr__(self) -> str:
        return f"<Asking {self.files.asks}>"

    def ask(self, asks: bool) -> None:  # noqa: FBT001  # it is all there is to say
        """Ask callers for a certificate from the next look at the files on, or no more."""
        self.files = replace(self.files, asks=asks)

    def stamp(self) -> Stamp:
        """Return a value that differs whenever a file may have changed, or what callers are asked for has."""
        return self.stamp_of(self.files.stamp())

    def stamp_of(self, files: Stamp) -> Stamp:
        """Return the stamp for these files."""
        return (*files, (int(self.files.asks), 0, 0))
