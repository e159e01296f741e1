"""Who may call, as the operator sees it: never a digest, and `everywhere` only once every process has said so."""

from datetime import UTC, datetime, timedelta

from relay.auth.api_key import new_key
from relay.compose.relay.callers import BuiltCallers, build_callers
from relay.compose.relay.roll import expiries, roll
from relay.settings.client import ApiKey, Client, ClientCertificate

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = new_key()
CLIENT = Client(
    tenants=("linde",),
    api_keys=(ApiKey(id=KEY.id, digest=KEY.digest, expires=AT),),
    certificates=(ClientCertificate(fingerprint="ab" * 32),),
)
BUILT = build_callers({"dynamics": CLIENT}, {})


def test_everywhere_is_where_each_process_goes_by_the_revision_in_force() -> None:
    other = build_callers({}, {}).revision
    assert [
        (told["obeying"], told["processes"], told["everywhere"])
        for told in (roll(BUILT, {}, obeying) for obeying in ([BUILT.revision] * 2, [BUILT.revision, other], [""]))
    ] == [(2, 2, True), (1, 2, False), (0, 1, False)]


def test_another_process_that_is_told_of_clients_goes_by_the_same_revision() -> None:
    assert BuiltCallers.read(BUILT.octets()).revision == BUILT.revision
    assert BUILT.revision != build_callers({"dynamics": CLIENT.model_copy(update={"key_in_query": True})}, {}).revision


def test_each_key_tells_when_it_was_used_and_each_way_when_any_was() -> None:
    used = {
        ("dynamics", "api_key", KEY.id): AT,
        ("dynamics", "api_key", "z" * 16): AT + timedelta(1),
        ("gone", "api_key", "y" * 16): AT,
    }
    told = roll(BUILT, used, [])
    assert told["clients"] == {
        "dynamics": {
            "tenants": ["linde"],
            "keys": [{"id": KEY.id, "expires": AT.isoformat(), "last_used": AT.isoformat()}],
            "ways": {"api_key": (AT + timedelta(1)).isoformat(), "client_certificate": None},
        }
    }
    assert KEY.digest.removeprefix("sha256:") not in str(told)


def test_keys_that_expire_are_told_with_their_clients() -> None:
    assert list(expiries(BUILT)) == [(("dynamics", KEY.id), AT)]
