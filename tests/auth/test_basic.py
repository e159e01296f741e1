"""Basic: user and password in UTF-8, verified once and remembered; a flood of wrong ones keeps nobody else waiting."""

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
ELDERS = Caller("elders", frozenset(("linde",)), "basic")
DIGEST, OTHER = digest_of("geheim"), digest_of("anders")


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


async def test_what_was_right_is_remembered_over_new_settings_until_the_password_is_another() -> None:
    hashing = _Counted()
    for _ in range(2):
        way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
        assert await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)) == CALLER
        assert way.authenticate(_head("zorg", "geheim"), None, AT + timedelta(days=9)) == CALLER
    assert hashing.asked == [DIGEST]
    changed = Passwords({"zorg": (OTHER, CALLER)}, hashing)
    assert isinstance(await _outcome(changed.authenticate(_head("zorg", "geheim"), None, AT)), CallerUnknown)
    nobody = Passwords({"elders": (DIGEST, CALLER)}, hashing)
    assert isinstance(await _outcome(nobody.authenticate(_head("zorg", "geheim"), None, AT)), CallerUnknown)


async def test_the_same_password_is_verified_once_however_many_show_it_meanwhile() -> None:
    hashing = Hashing()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    found = [way.authenticate(_head("zorg", "geheim"), None, AT) for _ in range(100)]  # more than can wait
    assert [await _outcome(each) for each in found] == [CALLER] * 100


async def test_a_user_that_is_nobodys_takes_as_long_costs_nothing_and_proves_nobody_with_somebodys_password() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert isinstance(await _outcome(way.authenticate(_head("zorg", "fout"), None, AT)), CallerUnknown)
    took = loop.time() - began
    for user, password in (("nobody", "geheim"), ("nobody", "fout")):
        began = loop.time()
        assert isinstance(await _outcome(way.authenticate(_head(user, password), None, AT)), CallerUnknown)
        assert loop.time() - began > took / 2
    assert hashing.asked == [DIGEST]


async def test_beyond_a_bounded_queue_nobody_waits_for_the_same_user() -> None:
    hashing = _Counted(most_waiting=2)
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    found = [way.authenticate(_head("zorg", f"fout-{number}"), None, AT) for number in range(3)]
    with pytest.raises(CallerUndecided):
        way.authenticate(_head("zorg", "geheim"), None, AT)
    assert [type(await _outcome(each)) for each in found] == [CallerUnknown] * 3
    assert await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)) == CALLER


async def test_a_flood_for_one_user_is_nobody_elses() -> None:
    order: list[str] = []
    way = Passwords({"zorg": (DIGEST, CALLER), "elders": (OTHER, ELDERS)}, Hashing(at_once=1, most_waiting=8))

    async def noted(user: str, password: str) -> Outcome:
        outcome = await _outcome(way.authenticate(_head(user, password), None, AT))
        order.append(user)
        return outcome

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(noted("zorg", f"fout-{number}"))
        for number in range(1000):
            group.create_task(noted(f"nobody-{number}", "fout"))
        first = group.create_task(noted("elders", "anders"))
    assert first.result() == ELDERS
    assert [each for each in order if not each.startswith("nobody")].index("elders") <= 2


async def test_who_called_before_never_waits_for_a_flood_of_the_same_user() -> None:
    way = Passwords({"zorg": (DIGEST, CALLER)}, Hashing(at_once=1, most_waiting=2))
    assert await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)) == CALLER
    flood = [way.authenticate(_head("zorg", f"fout-{number}"), None, AT) for number in range(3)]
    with pytest.raises(CallerUndecided):
        way.authenticate(_head("zorg", "fout"), None, AT)
    assert way.authenticate(_head("zorg", "geheim"), None, AT) == CALLER
    for each in flood:
        await _outcome(each)


async def test_what_cannot_be_verified_is_not_taken_for_wrong() -> None:
    way = Passwords({"zorg": ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", CALLER)}, Hashing())
    for _ in range(2):
        assert isinstance(await _outcome(way.authenticate(_head("zorg", "geheim"), None, AT)), CallerUndecided)


async def test_what_was_wrong_costs_no_work_a_second_time() -> None:
    hashing = _Counted()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    await _outcome(way.authenticate(_head("zorg", "fout"), None, AT))
    with pytest.raises(CallerUnknown):
        way.authenticate(_head("zorg", "fout"), None, AT)
    assert len(hashing.asked) == 1


async def test_what_was_used_last_is_remembered_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.auth.hashing._MOST_RIGHT", 2)
    digests = {"a": DIGEST, "b": OTHER, "c": digest_of("derde")}
    words = {"a": "geheim", "b": "anders", "c": "derde"}
    way = Passwords({name: (digest, CALLER) for name, digest in digests.items()}, Hashing())
    for name in ("a", "b"):
        await _outcome(way.authenticate(_head(name, words[name]), None, AT))
    assert way.authenticate(_head("a", words["a"]), None, AT) == CALLER
    await _outcome(way.authenticate(_head("c", words["c"]), None, AT))
    again = [way.authenticate(_head(name, words[name]), None, AT) for name in "acb"]
    assert [isinstance(each, Awaited) for each in again] == [False, False, True]
    await _outcome(again[2])


async def test_only_so_many_wrong_ones_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.auth.hashing._MOST_WRONG", 2)
    hashing = Hashing()
    way = Passwords({"zorg": (DIGEST, CALLER)}, hashing)
    for number in range(3):
        await _outcome(way.authenticate(_head("zorg", f"fout-{number}"), None, AT))
    assert [hashing.known(DIGEST, b"fout-%d" % number) for number in range(3)] == [None, False, False]


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
