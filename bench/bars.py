"""The bars: how the relay has to stand against its peers, and how one run's figures compare. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.figures import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A figure of `front`, times the same of `against` where that is named: at most `most`, or at least `least`.

    `wish` is what would be better still. A figure of `against` below `floor` counts as that: a peer that adds next to
    nothing is no measure of anything.
    """

    says: str
    work: str
    figure: str
    front: str = "relay"
    against: str = ""
    most: float | None = None
    least: float | None = None
    wish: float | None = None
    floor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A bar and what was measured. All are None when this run did not measure it; `granted` also without a wish."""

    bar: Bar
    value: float | None
    met: bool | None
    granted: bool | None


_CPU: Final = "cpu_us_per_call"
_GB: Final = "cpu_s_per_gb"

BARS: Final = (
    Bar(says="kept: CPU per call", work="kept", figure=_CPU, against="nginx-tuned", most=2.3, wish=1.6),
    Bar(says="kept: CPU per call", work="kept", figure=_CPU, against="nginx-howto", most=0.5),
    Bar(says="kept: times cheaper than", work="kept", figure=_CPU, front="aiohttp", against="relay", least=3, wish=4),
    Bar(says="kept: times cheaper than", work="kept", figure=_CPU, front="fastapi-httpx", against="relay", least=20),
    Bar(says="2 workers: CPU per call", work="kept", figure=_CPU, front="relay-workers-2", against="relay", most=1.1),
    Bar(
        says="kept, with a token: CPU per call",
        work="kept",
        figure=_CPU,
        front="relay-token",
        against="nginx-tuned",
        most=2.3,
        wish=1.6,
    ),
    *(
        Bar(says=f"{work}: CPU per call", work=work, figure=_CPU, against="haproxy", most=most, wish=1.0)
        for work, most in {
            "one-shot-tls12-full": 1.3,
            "one-shot-tls13-full": 1.3,
            "one-shot-tls12-resumed": 1.4,
            "one-shot-tls13-resumed": 1.4,
        }.items()
    ),
    Bar(
        says="with PROXY v2: CPU per call",
        work="one-shot-tls13-full",
        figure=_CPU,
        front="relay-proxy-v2",
        against="relay",
        most=1.1,
    ),
    Bar(
        says="a client certificate requested: CPU per call",
        work="one-shot-tls13-full",
        figure=_CPU,
        front="relay-client-certificate",
        against="relay",
        most=1.1,
    ),
    Bar(
        says="one-shot-tls13-full, with a token: CPU per call",
        work="one-shot-tls13-full",
        figure=_CPU,
        front="relay-token",
        against="haproxy",
        most=1.3,
        wish=1.0,
    ),
    *(
        Bar(
            says=f"{work}: share that resumes, in the worst round",
            work=work,
            figure="resumed_share_least",
            front="relay-workers-2",
            least=0.95,
        )
        for work in ("resumption-tls12", "resumption-tls13")
    ),
    *(
        Bar(says=f"{work}: CPU per GB", work=work, figure=_GB, against="nginx-tuned", most=1.8, wish=1.3)
        for work in ("claims-up", "claims-down")
    ),
    Bar(says="20 claims at once: memory growth, MiB", work="claims-up", figure="rss_growth_mib", most=40),
    Bar(says="in flight: calls answered", work="in-flight", figure="answered", least=2000),
    Bar(
        says="in flight: memory per call",
        work="in-flight",
        figure="rss_kib_per_call",
        against="nginx-tuned",
        most=2.0,
        wish=1.6,
    ),
    Bar(says="latency added, p50, ms", work="latency", figure="p50_added_ms", most=1.0),
    Bar(says="latency added, p99", work="latency", figure="p99_added_ms", against="nginx-tuned", most=2.0, floor=0.1),
    Bar(says="start, s", work="start", figure="ready_s", most=1.0, wish=0.5),
    Bar(says="log line and metrics of a call, us", work="journal", figure=_CPU, most=12, wish=8),
    *(
        Bar(says=f"{says}: CPU to prove who calls, us", work="ways", figure=_CPU, front=front, most=most)
        for says, front, most in (
            ("key", "api-key", 5),
            ("cached token", "token-cached", 15),
            ("first-seen token", "token-first-seen", 150),
        )
    ),
)


def judge(results: Results) -> list[Judgement]:
    """Return how each bar stands."""
    return [_judged(bar, _value(bar, results)) for bar in BARS]


def _judged(bar: Bar, value: float | None) -> Judgement:
    if value is None:
        return Judgement(bar=bar, value=None, met=None, granted=None)
    met = all(_within(value, bar))
    granted = None if bar.wish is None else value >= bar.wish if bar.least is not None else value <= bar.wish
    return Judgement(bar=bar, value=value, met=met, granted=granted)


def _within(value: float, bar: Bar) -> Iterator[bool]:
    if bar.most is not None:
        yield value <= bar.most
    if bar.least is not None:
        yield value >= bar.least


def _value(bar: Bar, results: Results) -> float | None:
    fronts = results.get(bar.work, {})
    mine = fronts.get(bar.front, {}).get(bar.figure)
    if mine is None or not bar.against:
        return None if mine is None else float(mine)
    theirs = fronts.get(bar.against, {}).get(bar.figure)
    return None if theirs is None else float(mine) / max(float(theirs), bar.floor)
