"""Basic: user and password in UTF-8, verified once, remembered for a while; users that are nobody's cost as much."""

import asyncio
from base64 import b64encode
from datetime import timedelta

import pytest

from relay.auth.basic import Passwords, new_password, user_and_password
from relay.auth.caller import Awaited, Caller, Outcome
from relay.auth.hashing import Hashing, digest_of
from relay.errors import CallerUndecided, CallerUnknown
from relay.message.fields import Fields
from relay.message.head import RequestHead
from tests.kit.authority import AT

CALLER = Caller("wcf", frozenset(("linde",)), "basic")
DIGEST = digest_of("geheim")


class _Counted(Hashing):
    """Hashing that tells what it was asked."""

    def __init__(self, *, most_waiting: int = 64) -> None:
        super().__init__(at_once=1, most_waiting=most_waiting)
        self.asked: list[str] = []

    def verify(self, digest, password, told) -> None:  # type: ignore[no-untyped-def]  # as it is there
        super().verify(digest, password, told)
        self.asked.append(digest)


def _head(user: str, password: str) -> RequestHead:
    value = b"Basic " + b64encode(f"{user}:{password}".encode())
    return RequestHead(b"POST", b"/", Fields(((b"Authorization", value),)))


async def _outcome(found: Caller | Awaited) -> Outcome:
    if isinstance(found, Caller):
        return found
    told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    found.then(told.set_result)
    return await asyncio.wait_for(told, 10)


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"zorg:geheim", ("zorg", b"geheim")),
        (b"zorg:ge:he:im:", ("zorg", b"ge:he:im:")),
        ("zorgé:gehéim€".encode(), ("zorgé", "gehéim€".encode())),
        ("zorg:gehéim".encode("latin-1"), None),
        (b":geheim", None),
        (b"zorg:", None),
        (b"zorg", None),
        (b"", None),
        (b"zorg:ge\x00heim", None),
        (b"zorg:geheim\n", None),
        (b"zorg:ge\x7fheim", None),
        (b"zorg:" + b"x" * 763, ("zorg", b"x" * 763)),
        (b"zorg:" + b"x" * 764, None),
        (b"zorg:" + b"x" * 1000, None),
    ],
)
def test_user_and_password_are_read_in_one_way(octets: bytes, told: tuple[str, bytes] | None) -> None:
    assert user_and_password(b64encode(octets)) == told


@pytest.mark.parametrize(
    "encoded", [b"%%%", b"em9yZzpnZWhlaW0", b"em9yZzpnZWhlaW0=x", b"em9y Zzpn", b"em9yZzpnZWhlaW0==="]
)
def test_only_whole_base64_is_read(encoded: bytes) -> None:
    assert user_and_password(encoded) is None


async def test_what_was_verified_is_remembered_for_a_time_after_its_last_use() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    assert await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)) == CALLER
    for minutes in (4, 8, 12):
        assert way.authenticate(_head("zorg", "geheim"), None, AT + timedelta(minutes=minutes)) == CALLER
    assert isinstance(way.authenticate(_head("zorg", "geheim"), None, AT + timedelta(minutes=17)), Awaited)
    # Of new settings nothing is known.
    assert isinstance(
        Passwords({"zorg": (DIGEST, CALLER)}, hashing).authenticate(_head("zorg", "geheim"), None, AT), Awaited
    )
    assert len(hashing.asked) == 3


async def test_the_same_password_is_verified_once_however_many_show_it_meanwhile() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    found = [way.authenticate(_head("zorg", "geheim"), None, AT) for _ in range(20)]
    assert [await _outcome(each) for each in found] == [CALLER] * 20
    assert len(hashing.asked) == 1


async def test_a_user_that_is_nobodys_costs_the_same_work_and_proves_nobody_even_with_somebodys_password() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    for user, password in (("zorg", "fout"), ("nobody", "geheim"), ("nobody", "fout")):
        assert isinstance(await _outcome(way.authenticate(_head(user, password), None, AT)), CallerUnknown)
        with pytest.raises(CallerUnknown):  # remembered, and no work any more
            way.authenticate(_head(user, password), None, AT)
    assert hashing.asked == [DIGEST] * 3


async def test_beyond_a_bounded_queue_nobody_waits() -> None:
    hashing = _Counted(most_waiting=2)
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    found = [way.authenticate(_head("zorg", f"fout-{number}"), None, AT) for number in range(3)]
    with pytest.raises(CallerUndecided):
        way.authenticate(_head("zorg", "geheim"), None, AT)
    assert [type(await _outcome(each)) for each in found] == [CallerUnknown] * 3
    assert await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)) == CALLER


async def test_what_cannot_be_verified_is_not_taken_for_wrong() -> None:
    way = Passwords({"zorg": ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", CALLER)}, Hashing())
    for _ in range(2):
        assert isinstance(await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)), CallerUndecided)


async def test_what_was_wrong_is_remembered_for_a_time_and_then_looked_at_again() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    await _outcome(way.authenticate(_head("zorg", "fout"), None, AT))
    with pytest.raises(CallerUnknown):
        way.authenticate(_head("zorg", "fout"), None, AT + timedelta(minutes=4))
    found = way.authenticate(_head("zorg", "fout"), None, AT + timedelta(minutes=5))
    assert isinstance(await _outcome(found), CallerUnknown)
    assert len(hashing.asked) == 2


async def test_what_was_used_last_is_remembered_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.auth.basic._MOST_PROVEN", 2)
    way = Passwords(dict.fromkeys("abc", (DIGEST, CALLER)), Hashing())
    for name in ("a", "b"):
        await _outcome(way.authenticate(_head(name, "geheim"), None, AT))
    assert way.authenticate(_head("a", "geheim"), None, AT) == CALLER
    await _outcome(way.authenticate(_head("c", "geheim"), None, AT))
    assert [isinstance(way.authenticate(_head(name, "geheim"), None, AT), Awaited) for name in "acb"] == [
        False,
        False,
        True,
    ]


async def test_only_so_many_outcomes_are_remembered() -> None:
    way = Passwords({"zorg": (DIGEST, CALLER)}, Hashing())
    for number in range(1024):
        way._proven[b"%d" % number] = (CALLER, AT)
    await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT))
    assert len(way._proven) == 1024
    assert b"0" not in way._proven
    for number in range(300):
        way._refused[b"%d" % number] = AT
    await _outcome(way.authenticate(_head("zorg", "fout"), None, AT))
    assert len(way._refused) == 300
    assert b"0" not in way._refused


async def test_the_loop_goes_on_while_passwords_are_verified() -> None:
    way = Passwords({"zorg": (DIGEST, CALLER)}, Hashing(at_once=1))
    found = [way.authenticate(_head("zorg", f"fout-{number}"), None, AT) for number in range(8)]
    longest, loop = 0.0, asyncio.get_running_loop()
    waiting = asyncio.gather(*(_outcome(each) for each in found))
    began = loop.time()
    while not waiting.done():
        before = loop.time()
        await asyncio.sleep(0)
        longest = max(longest, loop.time() - before)
    assert loop.time() - began > 0.02
    assert longest < (loop.time() - began) / 2


def test_new_passwords_are_long_shown_once_and_stored_as_digests() -> None:
    password = new_password()
    assert len(password.text) == 32
    assert password.text not in repr(password) + password.digest
    assert password.digest.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
