"""A small file that is kept: for its owner alone, and never half written."""

import os
import stat
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, octets: bytes, *, like: os.stat_result | None = None) -> None:
    """Write the file, on the disk when this returns. Raises OSError; what was there before is there then.

    It stays whose it was: a verb that root runs does not take it from the relay's own user. It is for its owner alone,
    unless it is to be open to others `like` the one before, and of the same group.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # of somebody who was cut off, and may have been somebody else
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as writing:
        _give_to_the_owner(file, path)
        if like is not None:
            os.fchown(file, -1, like.st_gid)
            os.fchmod(file, stat.S_IMODE(like.st_mode))
        writing.write(octets)
        writing.flush()
        os.fsync(file)
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk know which file has which name. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _give_to_the_owner(file: int, path: Path) -> None:
    """Give it to whoever has the one that it replaces, or the folder where there is none; root alone can."""
    if os.geteuid():
        return
    owner = path.parent.stat()
    with suppress(FileNotFoundError):
        owner = path.stat()
    with suppress(OSError):  # root in a container may not be allowed to, and the file matters more
        os.fchown(file, owner.st_uid, owner.st_gid)
