"""Why a place to listen on cannot be had, in words for whoever wrote it in the settings."""

import errno


def listening_fault(address: str, port: int, error: OSError) -> str:
    """Return why nothing can listen on `address`:`port`, and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} on {address} is taken by another process; stop it or choose another port"
        case errno.EADDRNOTAVAIL:
            return f"{address} is not an address of this machine; `ip -4 address` lists those it has"
        case errno.EACCES:
            return f"port {port} needs privileges this process does not have; choose one above 1023"
        case _:
            return f"cannot listen on {address}:{port}: {error.strerror or error}"
