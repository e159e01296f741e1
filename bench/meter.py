"""What a limit costs each call: `python -m bench.meter` prints it."""

from time import process_time, time

from relay.gateway.meter import Allowance, Meter, MeterRoom

_CALLS = 100_000


def cost(*, client: bool, total: bool, alone: bool) -> float:
    """Return the microseconds of processor time that a call takes to be counted and given back."""
    allowance = Allowance(calls_per_minute=10**9, calls_per_second=10**9, in_flight=10**6)
    meter = Meter(MeterRoom(alone=alone), allowance if total else None)
    meter.use({"dynamics": allowance} if client else {})
    began = process_time()
    for _ in range(_CALLS):
        if meter.used:
            taken = meter.take("dynamics", time())
            assert isinstance(taken, tuple)
            meter.give_back(taken, 1000)
    return (process_time() - began) / _CALLS * 1e6


if __name__ == "__main__":
    for alone in (True, False):
        for client, total in ((False, False), (True, False), (True, True)):
            best = min(cost(client=client, total=total, alone=alone) for _ in range(5))
            where = "one process" if alone else "several"
            print(f"{where}: limits of the client: {client}, of all: {total}: {best:.2f} us a call")
