"""A small file that is kept: for its owner alone, and never half written."""

import os
from pathlib import Path


def write_whole(path: Path, octets: bytes) -> None:
    """Write the file, on the disk when this returns. Raises OSError; what was there before is there then."""
    new = path.with_name(path.name + ".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as writing:
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
