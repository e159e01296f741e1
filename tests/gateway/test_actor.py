"""Who is behind a call, as the caller tells it: logged, and never sent on."""

from pathlib import Path

from tests.kit import upstream as up
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


async def test_an_actor_is_logged_and_not_sent_on(tmp_path: Path) -> None:
    actors = [GUID, "x" * 128, "1234567", "1234567890", "job-123456789", "x999979668", "0999979668-a"]
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        for actor in actors:
            call = request("POST", PATH, here.authorised, ("X-Relay-Actor", actor), body=b"x")
            assert (await (await caller.send(call)).answer()).status == 200
        assert b"actor" not in upstream.octets.lower()
        noted = [each["actor"] for each in here.exchanges]
    assert noted == actors


async def test_without_one_the_log_says_nothing_of_it(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await (await caller.send(request("POST", PATH, here.authorised, body=b"x"))).answer()
        [noted] = here.exchanges
    assert "actor" not in noted


async def test_what_is_no_opaque_id_is_refused_and_neither_logged_nor_sent(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        for actors in (
            ["x" * 129],
            [""],
            ["a b"],
            ["é"],
            ["a", "b"],
            ["99997966"],
            ["999979668"],
            ["bsn:999979668"],
            ["1-999979668@x"],
        ):
            fields = [("X-Relay-Actor", actor) for actor in actors]
            async with line(here.port) as caller:
                answer = await (await caller.send(request("POST", PATH, here.authorised, *fields, body=b"x"))).answer()
            assert (actors, answer.status) == (actors, 400)
        assert upstream.connections == 0
        noted = here.exchanges
        async with line(here.port) as caller:
            call = request("POST", PATH, here.authorised, ("X-Relay-Actor", GUID), body=b"x")
            assert (await (await caller.send(call)).answer()).status == 200
    assert {each["cause"] for each in noted} == {"malformed_request"}
    assert not any("actor" in each for each in noted)
