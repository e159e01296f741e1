"""Guards that several processes share: one change at a time, seen by all at once, and left as they were by a kill."""

import os
import signal
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.errors import CallsHeld, QuotaStopped
from relay.upstream.guard import Rules, State
from relay.upstream.guardroom import Change, Guardroom, StateFault, StateFile
from relay.upstream.ward import Ward
from tests.kit.may_skip import needed

PLACE = ("linde", "192.0.2.9")
OTHER = ("berk", "192.0.2.9")
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
AT = NOW.timestamp()


def _room(folder: Path, **rules: float) -> Guardroom:
    made = Rules(**{"after": 3, "first_pause": 5, **rules})  # type: ignore[arg-type]
    return Guardroom(StateFile(folder / "relay.state"), made, [PLACE, OTHER], routes=4, at=AT)


def _ward(room: Guardroom, place: tuple[str, str] = PLACE) -> Ward:
    return Ward(room, *place, "4F2A")


def _refuse(room: Guardroom, times: int = 3) -> None:
    for _ in range(times):
        room.refused(*PLACE, permit="", at=AT)


def _admit(room: Guardroom, *, after: float = 0, harmless: bool = True) -> str:
    return _ward(room).admit("cov", harmless=harmless, at=datetime.fromtimestamp(AT + after, UTC))


def _forked(work: Callable[[], object]) -> int:
    """Do it in a process of its own; return its status as waitpid's."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def _joined(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_guard_that_passes_is_one_look_and_its_own_alone(tmp_path: Path) -> None:
    room = _room(tmp_path)
    _refuse(room)
    assert _ward(room).shut
    assert not _ward(room, OTHER).shut


def test_what_is_held_says_why_and_names_address_certificate_and_the_last_good_call(tmp_path: Path) -> None:
    room = _room(tmp_path)
    ward = _ward(room)
    ward.passed(NOW, "", lambda: NOW)
    _refuse(room)
    with pytest.raises(CallsHeld) as told:
        _admit(room, after=1)
    assert (told.value.cause, told.value.retry_after) == ("address_or_blocked", 4)
    assert told.value.detail.startswith("VECOZO refused "), "the problem's title says that calls are held"
    for fact in ("192.0.2.9", "4F2A"):
        assert fact in told.value.detail
    with pytest.raises(CallsHeld, match="a call last went well at 2026-05-01 12:00:00 UTC"):
        ward.admit("cov", harmless=True, at=NOW)


def test_refusals_in_several_processes_are_one_row(tmp_path: Path) -> None:
    room = _room(tmp_path, after=60)
    pids = [_forked(lambda: _refuse(room, 20)) for _ in range(3)]
    assert [_joined(pid) for pid in pids] == [0, 0, 0]
    guard = room.book().guards[PLACE]
    assert (guard.state, guard.refused, guard.holds) == (State.HOLDING, 60, 1)
    assert _ward(room).shut


def test_exactly_one_call_of_all_processes_is_the_probe(tmp_path: Path) -> None:
    room = _room(tmp_path)
    _refuse(room)

    def ask() -> None:
        for _ in range(50):
            try:
                _admit(room, after=6)
            except CallsHeld:
                continue
            (tmp_path / f"probe-{os.getpid()}").touch(exist_ok=False)

    assert [_joined(pid) for pid in [_forked(ask) for _ in range(4)]] == [0] * 4
    assert len(list(tmp_path.glob("probe-*"))) == 1
    assert room.book().guards[PLACE].probes == 1


def test_where_the_relay_probes_itself_no_call_is_the_probe(tmp_path: Path) -> None:
    room = _room(tmp_path)
    _refuse(room)
    later = datetime.fromtimestamp(AT + 6, UTC)
    with pytest.raises(CallsHeld):
        Ward(room, *PLACE, "4F2A", probed=True).admit("cov", harmless=True, at=later)
    assert _ward(room).admit("cov", harmless=True, at=later)


def test_the_first_call_that_passes_after_a_hold_has_its_pause_forgotten(tmp_path: Path) -> None:
    room = _room(tmp_path)
    ward = _ward(room)
    _refuse(room)
    room.passed(*PLACE, permit=_admit(room, after=6), at=AT + 6)
    assert room.book().guards[PLACE].pause == 5
    ward.passed(NOW, "", lambda: NOW)
    assert room.book().guards[PLACE].pause == 0


def test_the_permit_of_a_dead_process_comes_back(tmp_path: Path) -> None:
    room = _room(tmp_path)
    _refuse(room)

    def take_and_die() -> None:
        _admit(room, after=6)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = _forked(take_and_die)
    assert _joined(pid) == -signal.SIGKILL
    with pytest.raises(CallsHeld):
        _admit(room, after=7)
    room.bereave(pid, at=AT + 7)
    with pytest.raises(CallsHeld):
        _admit(room, after=11)
    assert _admit(room, after=12)


def test_who_is_started_anew_while_a_probe_is_out_waits_as_after_any(tmp_path: Path) -> None:
    """Or a relay that keeps falling over would have VECOZO count one each time."""
    room = _room(tmp_path)
    _refuse(room)
    for after in (6, 11, 16):
        assert _admit(room, after=after)
        room = Guardroom(room._file, room.rules, [PLACE, OTHER], routes=4, at=AT + after)
        with pytest.raises(CallsHeld):
            _admit(room, after=after + 4)


def test_what_root_changes_stays_the_file_of_the_relays_own_user(tmp_path: Path) -> None:
    needed("the right to give files away", found=os.getuid() == 0, remedy="run this test as root")
    os.chown(tmp_path, 4711, 4712)
    for _ in range(2):
        _room(tmp_path).stop("linde", "cov", at=AT)
        left = (tmp_path / "relay.state").stat()
        assert (left.st_uid, left.st_gid, stat.S_IMODE(left.st_mode)) == (4711, 4712, 0o600)
        _room(tmp_path).lift("linde", None, at=AT)
        os.chown(tmp_path, 0, 0)


def test_what_somebody_left_beside_the_file_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "another").write_text("kept")
    (tmp_path / "relay.state.new").symlink_to(tmp_path / "another")
    _room(tmp_path).stop("linde", "cov", at=AT)
    assert (tmp_path / "another").read_text() == "kept"
    assert StateFile(tmp_path / "relay.state").read().stops


def test_a_process_killed_at_any_moment_leaves_a_book_that_can_be_read(tmp_path: Path) -> None:
    room = _room(tmp_path, after=1)

    def flip() -> None:
        while True:
            _refuse(room, 1)
            room.lift("linde", None, at=AT)

    for _ in range(10):
        pid = _forked(flip)
        os.sched_yield()
        for _ in range(20):
            room.book()
        os.kill(pid, signal.SIGKILL)
        _joined(pid)
        room.bereave(pid, at=AT)
        assert _ward(room).shut == (room.book().guards[PLACE].state is not State.PASSING)
        StateFile(tmp_path / "relay.state").read()


def test_a_quota_stops_that_certificate_on_that_route_alone_and_a_person_lifts_it(tmp_path: Path) -> None:
    room = _room(tmp_path)
    ward = _ward(room)
    ward.stop("claims", NOW)
    assert ward.after_quota
    assert _admit(room) == ""
    with pytest.raises(QuotaStopped, match="since 2026-05-01 12:00:00 UTC"):
        ward.admit("claims", harmless=True, at=datetime.fromtimestamp(AT + 1e6, UTC))
    assert not _ward(room, OTHER).shut
    assert room.lift("linde", "cov", at=AT) == 0
    assert room.lift("linde", "claims", at=AT) == 1
    assert not ward.shut


def test_a_hold_after_a_quota_reads_blocked(tmp_path: Path) -> None:
    room = _room(tmp_path)
    room.stop("linde", "claims", at=AT)
    _refuse(room)
    with pytest.raises(CallsHeld) as told:
        _admit(room)
    assert told.value.cause == "blocked"


def test_a_stop_is_on_the_disk_before_anything_else_happens(tmp_path: Path) -> None:
    room = _room(tmp_path)

    def stop_and_die() -> None:
        room.stop("linde", "cov", at=AT)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = _forked(stop_and_die)
    assert _joined(pid) == -signal.SIGKILL
    assert StateFile(tmp_path / "relay.state").read().stops == {("linde", "cov"): AT}


def test_what_is_on_the_disk_outlives_the_machine_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written beside, synced, put in its place, and that synced too: no moment at which neither is there."""
    steps, fsync, rename = list[str](), os.fsync, Path.replace

    def synced(file: int) -> None:
        fsync(file)
        steps.append(f"synced {Path(f'/proc/self/fd/{file}').readlink().name}")

    def renamed(path: Path, target: Path) -> Path:
        steps.append(f"renamed to {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    _room(tmp_path).stop("linde", "cov", at=AT)
    assert steps == ["synced relay.state.new", "renamed to relay.state", f"synced {tmp_path.name}"]


def test_what_was_held_and_stopped_is_so_after_a_restart(tmp_path: Path) -> None:
    room = _room(tmp_path)
    _refuse(room)
    room.stop("berk", "cov", at=AT)
    again = _room(tmp_path)
    assert again.book() == room.book()
    assert _ward(again).shut
    with pytest.raises(QuotaStopped):
        _ward(again, OTHER).admit("cov", harmless=True, at=NOW)


def test_when_a_call_last_went_well_is_known_to_all_processes_and_after_a_restart(tmp_path: Path) -> None:
    room = _room(tmp_path)

    def well() -> None:
        ward = _ward(room)
        ward.passed(NOW, "", lambda: NOW)
        ward.publish()

    assert _joined(_forked(well)) == 0
    assert _ward(room).facts("4F2A").last_good == NOW
    room.close()
    assert _ward(_room(tmp_path)).facts("4F2A").last_good == NOW


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    _refuse(_room(tmp_path))
    assert stat.S_IMODE((tmp_path / "relay.state").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["relay.state"]


def test_a_file_that_cannot_be_understood_is_never_taken_for_no_stop(tmp_path: Path) -> None:
    (tmp_path / "relay.state").write_text("{")
    with pytest.raises(StateFault, match="may have held a stop"):
        _room(tmp_path)


def test_a_folder_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(StateFault, match="no folder that relay may write in"):
        _room(tmp_path / "nowhere")


def test_a_disk_that_takes_nothing_is_told_and_holds_nobody_the_less(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    room, faults = _room(tmp_path / "there"), list[OSError]()
    room.failed = faults.append
    (tmp_path / "there").rmdir()
    _refuse(room)
    assert len(faults) == 1
    assert _ward(room).shut


def test_each_change_is_told_once(tmp_path: Path) -> None:
    room, changes = _room(tmp_path), list[Change]()
    room.told = changes.append
    _refuse(room, 5)
    permit = _admit(room, after=6)
    for after in (7, 8):
        with pytest.raises(CallsHeld):
            _admit(room, after=after)
    room.passed(*PLACE, permit=permit, at=AT + 9)
    room.stop("linde", "cov", at=AT)
    room.stop("linde", "cov", at=AT + 1)
    room.lift("linde", None, at=AT)
    assert [change.what for change in changes] == ["holding", "probing", "passing", "stopped", "lifted"]
