"""A disk that is full: what was acknowledged is kept, the rest is told, and the gate goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from relay.registry.keeper import snapshot_of
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from tests.kit.registry import NOON, SYSTEM, contact_person, organisation, system_certificate

pytestmark = pytest.mark.slow

# No file of this process may grow beyond a limit, as on a disk with no room left: registers until that is so, and says
# how many were acknowledged, what the others were told, and whether the gate lets the first one through all the same.
_FILLING = """
import resource, sys
from ipaddress import IPv4Address
from pathlib import Path
from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.rules import Allow, decide
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from tests.kit.registry import NOON, SYSTEM, contact_person, print_of

with opened(Path(sys.argv[1])) as store:
    service = Registry(store, lambda: NOON)
    limit = Path(sys.argv[1]).stat().st_size + 200_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    acknowledged, told = 0, ""
    for number in range(20_000):
        try:
            service.register(contact_person(), SYSTEM, f"198.100.{number // 250}.{number % 250}")
        except BookUnavailable as full:
            told = full.detail
            break
        acknowledged += 1
    first = decide(service.snapshot, fingerprint=print_of(1), address=IPv4Address("198.100.0.0"), at=NOON)
    print(acknowledged, isinstance(first, Allow), told, sep="|")
"""


def test_what_was_acknowledged_is_kept_and_known_parties_pass(tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite"
    with opened(book) as store:
        service = Registry(store, lambda: NOON)
        service.add_organisation(organisation())
        service.add_contact_person(contact_person())
        service.add_certificate(system_certificate())
        begun = service.snapshot
    done = subprocess.run([sys.executable, "-c", _FILLING, str(book)], capture_output=True, text=True, check=True)
    acknowledged, passes, told = done.stdout.strip().split("|")
    assert int(acknowledged) > 10
    assert passes == "True"
    assert told.startswith("the registry's book cannot be used: ")
    with opened(book) as store:
        assert len(store.registrations(SYSTEM)) == int(acknowledged)
        followed = begun
        for version, event in store.since(begun.version):
            followed = followed.with_change(event, version=version)
        assert followed == snapshot_of(store.load())
        assert Registry(store, lambda: NOON).register(contact_person(), SYSTEM, "198.101.0.1").fresh
