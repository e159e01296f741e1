"""One way out at work: what it shows, what it tells of the end of its certificate, and to whom."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from relay.compose.relay import build
from relay.compose.relay.certificates import prober_of
from relay.compose.relay.rotation import Rotation, Tellers
from relay.observe.log import make_logger
from relay.observe.metrics import Metrics
from relay.upstream.passport import Passport
from relay.upstream.proof import Footing
from relay.upstream.rotation import Generation, Order
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.door import until
from tests.kit.relay import PASSWORD, read_settings, write_settings

DAY = timedelta(days=1)
NEXT = "tenants.linde.certificate.next"
PROBE = "tenants.linde.certificate.probe"
END = kit.system().certificate.not_valid_after_utc


@dataclass
class Staged:
    rotation: Rotation
    metrics: Metrics
    out: io.BytesIO
    shown: list[str]
    causes: list[str]
    recorded: list[tuple[str, Order]] = field(default_factory=list)
    footings: Sequence[Footing] = ()

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [orjson.loads(line) for line in self.out.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def renew(self, passport: Passport) -> None:
        self.shown.append(passport.fingerprint)

    def closed(self, cause: str) -> None:
        self.causes.append(cause)


def staged(
    folder: Path, changes: Mapping[str, object] | None = None, *, at: datetime = kit.AT, stopped: bool = False
) -> Staged:
    write_settings(folder, 8443, changes=changes)
    settings = read_settings(folder)
    built, out, metrics = build(settings, at), io.BytesIO(), Metrics()
    recorded: list[tuple[str, Order]] = []
    tellers = Tellers(
        logger=make_logger(out),
        metrics=metrics,
        record=lambda way, order: recorded.append((way, order)),
        stopped=lambda way: stopped,
    )
    stage = Staged(None, metrics, out, [], [], recorded)  # type: ignore[arg-type]  # it needs the stage itself
    way = built.ways["linde"]
    stage.rotation = Rotation(way, stage, tellers, prober_of(way, settings, metrics))
    stage.rotation.begin()
    return stage


def _next(folder: Path, at: datetime, **more: object) -> dict[str, object]:
    issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1))
    (folder / "next.p12").write_bytes(issued.p12(PASSWORD))
    return {f"{NEXT}.file": "next.p12", f"{NEXT}.password_file": "password", f"{NEXT}.at": at} | more


async def test_the_end_is_told_once_at_each_mark_and_louder_in_the_last_week(tmp_path: Path) -> None:
    stage = staged(tmp_path, {"tenants.linde.card.contacts": [{"name": "Anna Voorbeeld"}]})
    for hours in range(24 * 62, 0, -1):
        stage.rotation.age(END - timedelta(hours=hours))
    told = [(event["level"], event["within"], event["days"]) for event in stage.events("certificate_expires")]
    assert told == [("warning", 60, 60), ("warning", 30, 30), ("warning", 14, 14), ("error", 7, 7), ("error", 1, 1)]
    assert stage.events("certificate_expires")[0]["way"] == "linde"
    remedy = str(stage.events("certificate_expires")[0]["remedy"])
    assert "Have the provider's contact person renew it at VECOZO (user number and PIN" in remedy
    assert "Anna" not in remedy  # by role alone, in a log that is kept for years
    stage.rotation.age(END + DAY)
    stage.rotation.age(END + 2 * DAY)
    assert len(stage.events("certificate_expired")) == 1


async def test_it_shows_the_next_one_from_its_moment_on(tmp_path: Path) -> None:
    due = kit.AT + DAY
    stage = staged(tmp_path, _next(tmp_path, due))
    [old, new] = stage.rotation.has
    stage.rotation.decide(due - timedelta(seconds=1))
    assert stage.shown == []
    stage.rotation.decide(due)
    stage.rotation.decide(due + DAY)
    assert stage.shown == [new.fingerprint]
    stage.rotation.ordered({"linde": Order(Generation.CURRENT, new.fingerprint)})
    assert stage.shown == [new.fingerprint, old.fingerprint]
    assert [event["certificate"] for event in stage.events("certificate_rolled_back")] == [old.serial]


async def test_the_metrics_tell_which_is_shown_and_when_each_ends(tmp_path: Path) -> None:
    stage = staged(tmp_path, _next(tmp_path, kit.AT + DAY))

    def value(name: str) -> float | None:
        return stage.metrics.registry.get_sample_value(name, {"tenant": "linde", "way": "linde"})

    [old, new] = stage.rotation.has
    assert value("relay_next_certificate_in_force") == 0
    assert value("relay_next_certificate_not_after_timestamp_seconds") == new.not_after.timestamp()
    assert value("relay_certificate_not_after_timestamp_seconds") == old.not_after.timestamp()
    stage.rotation.decide(kit.AT + 2 * DAY)
    assert value("relay_next_certificate_in_force") == 1
    assert value("relay_certificate_not_after_timestamp_seconds") == new.not_after.timestamp()


async def test_a_next_one_before_its_first_day_waits_and_when_the_old_one_ends_it_takes_over(tmp_path: Path) -> None:
    changes = _next(tmp_path, kit.AT + 900 * DAY)
    early = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT + 5 * DAY)
    (tmp_path / "next.p12").write_bytes(early.p12(PASSWORD))
    stage = staged(tmp_path, changes)
    stage.rotation.decide(kit.AT + 6 * DAY)
    assert stage.shown == []
    stage.rotation.decide(END + timedelta(seconds=1))
    assert stage.shown == [kit.fingerprint(early)]


async def test_a_next_file_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    changes = _next(tmp_path, kit.AT + DAY)
    (tmp_path / "next.p12").unlink()
    stage = staged(tmp_path, changes)
    assert len(stage.rotation.has) == 1
    assert not stage.events("certificate_refused")
    assert len(stage.events("certificate_next_awaited")) == 1
    assert build(read_settings(tmp_path), kit.AT).closed == []


async def test_a_way_without_a_usable_current_certificate_opens_under_the_next(tmp_path: Path) -> None:
    changes = _next(tmp_path, kit.AT + DAY)
    write_settings(tmp_path, 8443, changes=changes)
    (tmp_path / "system.p12").write_bytes(kit.expired().p12(PASSWORD))
    built = build(read_settings(tmp_path), kit.AT)
    assert built.ways["linde"].passport is not None
    assert [key for key, _ in built.closed] == ["tenants.linde.certificate.file"]


@pytest.mark.parametrize("path", ["/elsewhere", "/acc/netwerkmodel/v3"])
async def test_a_probe_that_no_route_of_this_way_takes_is_told(tmp_path: Path, path: str) -> None:
    upstream = "https://localhost:8443"
    own: dict[str, object] = {
        "tenants.linde.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream},
            {"name": "iwlz", "prefix": "/acc/netwerkmodel", "upstream": upstream, "family": "iwlz"},
        ],
        "tenants.linde.certificates.iwlz.file": "system.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    write_settings(tmp_path, 8443, changes=_next(tmp_path, kit.AT, **{f"{PROBE}.get": path}) | own)
    with pytest.raises(Exception, match=r"certificate\.probe"):
        build(read_settings(tmp_path), kit.AT)


@pytest.mark.parametrize("stopped", [False, True])
async def test_no_probe_goes_out_while_calls_are_stopped_for_a_quota(tmp_path: Path, stopped: bool) -> None:
    async with upstream_kit.running() as upstream:
        changes = _next(tmp_path, kit.AT - DAY, **{f"{PROBE}.get": "/whoami"})
        whoami = {"name": "whoami", "prefix": "/whoami", "upstream": f"https://localhost:{upstream.port}"}
        stage = staged(tmp_path, changes | {"tenants.linde.routes": [whoami]}, stopped=stopped)
        probing = asyncio.create_task(stage.rotation.keep_probing())
        if stopped:
            await asyncio.sleep(0.2)
            assert upstream.connections == 0
        else:
            await until(lambda: stage.events("certificate_cut_over"))
            new = stage.rotation.has[1]
            assert stage.shown == [new.fingerprint]
            assert stage.recorded == [("linde", Order(Generation.NEXT, new.fingerprint))]
            labels = {"way": "linde", "purpose": "next", "result": "passed"}
            assert stage.metrics.registry.get_sample_value("relay_probes_total", labels) == 1
        probing.cancel()
