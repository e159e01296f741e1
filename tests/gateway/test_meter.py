"""What is asked is counted over all processes, up to each limit and no further; what dies gives back what it held."""

import os
import signal
import time

import pytest

from relay.gateway.meter import Allowance, Limit, Meter, MeterRoom, Reached

AT = 1_767_600_000.0  # 8 o'clock UTC


def _meter(room: MeterRoom | None = None, total: Allowance | None = None, **limits: int) -> Meter:
    meter = Meter(room or MeterRoom(), total)
    if limits:
        meter.use({"dynamics": Allowance(**limits)})
    return meter


def _passed(meter: Meter, at: float, times: int) -> int:
    return sum(not isinstance(meter.take("dynamics", at), Reached) for _ in range(times))


def test_without_limits_nothing_is_counted() -> None:
    meter = _meter()
    assert not meter.used
    assert meter.take("dynamics", AT) == ()


def test_a_minute_has_so_many_calls_and_the_next_as_many_again() -> None:
    meter = _meter(calls_per_minute=100)
    assert [_passed(meter, AT + late, 1000) for late in (0, 30, 59.9, 60)] == [100, 0, 0, 100]
    reached = meter.take("dynamics", AT + 70.5)
    assert isinstance(reached, Reached)
    assert (reached.limit, reached.of_all, reached.seconds) == (Limit.CALLS_PER_MINUTE, False, 50)


def test_a_second_has_so_many_of_them() -> None:
    meter = _meter(calls_per_minute=100, calls_per_second=10)
    assert [_passed(meter, AT + late, 20) for late in (0, 0.9, 1, 2)] == [10, 0, 10, 10]


def test_a_call_in_flight_makes_room_when_it_ends() -> None:
    meter = _meter(in_flight=2)
    first = meter.take("dynamics", AT)
    assert _passed(meter, AT, 5) == 1
    assert isinstance(first, tuple)
    meter.give_back(first, 0)
    assert _passed(meter, AT + 1, 5) == 1


def test_a_day_has_so_many_octets_and_the_next_as_many_again() -> None:
    meter = _meter(bytes_per_day=100)
    for octets in (99, 1):
        taken = meter.take("dynamics", AT)
        assert isinstance(taken, tuple)
        meter.give_back(taken, octets)
    reached = meter.take("dynamics", AT)
    assert isinstance(reached, Reached)
    assert (reached.limit, reached.seconds) == (Limit.BYTES_PER_DAY, 16 * 3600)
    assert _passed(meter, AT + 16 * 3600, 3) == 3


def test_the_limit_of_all_holds_for_all_clients_together() -> None:
    meter = _meter(total=Allowance(calls_per_minute=3), calls_per_minute=2)
    assert _passed(meter, AT, 5) == 2
    assert meter.take("portal", AT) == (0,)
    reached = meter.take("portal", AT)
    assert isinstance(reached, Reached)
    assert reached.of_all


def test_a_call_that_the_limit_of_all_refuses_does_not_count_for_its_client() -> None:
    room = MeterRoom()
    meter = _meter(room, total=Allowance(in_flight=1), calls_per_minute=1)
    other = meter.take("portal", AT)
    assert isinstance(other, tuple)
    assert _passed(meter, AT, 1) == 0
    meter.give_back(other, 0)
    assert _passed(meter, AT, 1) == 1


def test_counts_outlive_a_change_of_limits() -> None:
    meter = _meter(calls_per_minute=5)
    assert _passed(meter, AT, 3) == 3
    meter.use({"portal": Allowance(calls_per_minute=1), "dynamics": Allowance(calls_per_minute=4)})
    assert _passed(meter, AT, 3) == 1


def test_who_looked_at_the_clock_before_another_and_counts_after_begins_nothing_anew() -> None:
    meter = _meter(calls_per_minute=3, calls_per_second=3)
    assert [_passed(meter, AT - late, 1) for late in (0, 0.004, 0.9, 0.004, 0)] == [1, 1, 1, 0, 0]


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    meter = _meter(calls_per_minute=1)
    assert _passed(meter, AT, 2) == 1
    assert _passed(meter, AT - 3600, 2) == 1


def test_processes_count_together_and_the_dead_give_back_what_they_held() -> None:
    room = MeterRoom()
    pids = []
    for _ in range(4):
        if not (pid := os.fork()):
            try:
                _passed(_meter(room, in_flight=100), AT, 20)
                time.sleep(60)
            finally:
                os._exit(1)
        pids.append(pid)
    meter = _meter(room, in_flight=100)
    deadline = time.monotonic() + 20
    while sum(room.rows[row * 1024 + 1] for row in range(8)) < 80 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _passed(meter, AT, 100) == 20
    for pid in pids[:2]:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        room.bereave(pid)
    assert _passed(meter, AT, 100) == 40
    for pid in pids[2:]:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_many_processes_at_once_pass_exactly_as_many_as_may() -> None:
    room, (reads, writes) = MeterRoom(), os.pipe()
    for _ in range(4):
        if not os.fork():
            try:
                os.write(writes, b"x" * _passed(_meter(room, calls_per_minute=100), AT, 250))
            finally:
                os._exit(0)
    for _ in range(4):
        os.wait()
    os.close(writes)
    assert len(os.read(reads, 4096)) == 100
    os.close(reads)


def test_what_one_client_asked_counts_for_no_other() -> None:
    meter = Meter(MeterRoom(), None)
    meter.use({name: Allowance(calls_per_minute=1) for name in ("one", "other")})
    assert not isinstance(meter.take("one", 1_000.0), Reached)
    assert isinstance(meter.take("one", 1_000.0), Reached)
    assert not isinstance(meter.take("other", 1_000.0), Reached)
