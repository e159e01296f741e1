"""docs/performance.md and its plots, made of one run's figures. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Final

from bench.bars import Judgement
from bench.figures import Figures, Results, Work
from bench.machine import Facts
from bench.plot import Row, bars
from bench.shares import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chapter:
    """A work as the page tells it: what is done, which figures stand in its table, and the one that is drawn."""

    work: str
    title: str
    text: str
    figures: Mapping[str, str]
    drawn: str


_CPU: Final = {"cpu_us_per_call": "CPU per call, us"}
_RATE: Final = {"calls_per_second": "calls per second", "busy": "of one processor in use"}
_ONE_SHOT: Final = (
    "Eight callers at a time, a new connection for each call. The load looks at every connection: {kind}, and every "
    "answer whole."
)
_GIGABYTE: Final = {
    "cpu_s_per_gb": "CPU per GB, s",
    "mb_per_second": "MB per second",
    "busy": "of one processor in use",
}

_CHAPTERS: Final = (
    _Chapter(
        work="kept",
        title="Calls on kept connections",
        text="A SOAP POST of 2 KB, an answer of 2.3 KB, TLS 1.3, 32 callers that keep their connections and send the "
        "next call as soon as the last is answered. Each call carries a correlation id that no other has.",
        figures={**_CPU, **_RATE, "rss_mib": "resident memory, MiB"},
        drawn="cpu_us_per_call",
    ),
    *(
        _Chapter(
            work=f"one-shot-tls{number}-{kind}",
            title=f"One connection per call, {version}, {kind}",
            text=_ONE_SHOT.format(kind=f"{version}, {says}"),
            figures={**_CPU, **_RATE},
            drawn="cpu_us_per_call",
        )
        for number, version in (("12", "TLS 1.2"), ("13", "TLS 1.3"))
        for kind, says in (("full", "nothing resumed"), ("resumed", "resumed from what the last one gave"))
    ),
    *(
        _Chapter(
            work=f"resumption-tls{number}",
            title=f"Resumption, {version}",
            text=f"Ten callers on {version} come again eight times each, always to the other of two workers than the "
            "last time; halfway through, the server certificate is renewed. Told is the share of them that resumed.",
            figures={"resumed_share": "share that resumed", "resumed_share_least": "the same in the worst round"},
            drawn="resumed_share",
        )
        for number, version in (("12", "TLS 1.2"), ("13", "TLS 1.3"))
    ),
    _Chapter(
        work="claims-up",
        title="Claims up",
        text="A SOAP body with 25 MB as base64 (33 MB), two callers. The upstream answers with the digest of what "
        "arrived. Memory growth is that of a fresh front while 20 such calls come in at once, at most, over idle.",
        figures={**_GIGABYTE, "rss_growth_mib": "20 at once: memory growth, MiB"},
        drawn="cpu_s_per_gb",
    ),
    _Chapter(
        work="claims-down",
        title="Claims down",
        text="The same 33 MB as an answer; the load compares its digest.",
        figures=_GIGABYTE,
        drawn="cpu_s_per_gb",
    ),
    _Chapter(
        work="in-flight",
        title="Calls in flight",
        text="2,000 calls at once, each on a connection of its own, to an upstream that takes 5 seconds. Memory is "
        "read when all 2,000 wait: growth over idle of a fresh front.",
        figures={"rss_kib_per_call": "memory per call, KiB", "answered": "answered", "seconds": "seconds in all"},
        drawn="rss_kib_per_call",
    ),
    _Chapter(
        work="latency",
        title="Latency",
        text="300 calls a second to an upstream that takes 50 ms. Calls leave by a timetable, and are timed from when "
        "they should have left. Added is what comes on top of calling the upstream directly.",
        figures={
            "p50_ms": "p50, ms",
            "p99_ms": "p99, ms",
            "p50_added_ms": "p50 added, ms",
            "p99_added_ms": "p99 added, ms",
        },
        drawn="p99_added_ms",
    ),
    _Chapter(
        work="start",
        title="Start",
        text="From the start of the first process until a first call has been answered with a 200.",
        figures={"ready_s": "ready after, s"},
        drawn="ready_s",
    ),
    _Chapter(
        work="idle",
        title="Idle",
        text="After one call, with nothing to do.",
        figures={"rss_mib": "resident memory, MiB", "wakeups_per_second": "wake-ups per second"},
        drawn="rss_mib",
    ),
    _Chapter(
        work="journal",
        title="Log line and metrics",
        text="What the relay's log line and metrics of one call cost together, in one process, to a real file.",
        figures=_CPU,
        drawn="cpu_us_per_call",
    ),
    _Chapter(
        work="ways",
        title="Proving who calls",
        text="What it costs to find out who calls, in one process, by the relay's own authenticators on heads as they "
        "are read from the wire, to the fields that are taken off. `api-key` is a relay that knows keys alone; each of "
        "the others knows a way besides. What is cached was proven before; every signature (hmac-sha256) is new.",
        figures=_CPU,
        drawn="cpu_us_per_call",
    ),
)

_PROFILE: Final = """\
## Where the time goes

What `perf` saw the relay do while it was under load, by the library that a function is in, and within Python by its
name ([shares.py](../bench/shares.py)). Work that a kind causes elsewhere is counted there: what Python allocates in the
C library is not among Python's. Samples go by the kernel's clock, which in a virtual machine sees what runs with
interrupts off a little late; all of that is the kernel's own.
"""

_HEAD: Final = """\
# Performance

All figures on this page come from one run of `{command}`, which wrote the page, its plots and
[bench/results.json](../bench/results.json). They say how the relay stands beside its peers on this machine, under this
work; they say little of another machine.
"""

_METHOD: Final = """\
## How it is measured

Every front does the relay's whole job: it takes calls over TLS under the same P-256 key, knows its caller by an API key
and takes that off, calls an upstream from 127.0.0.9 under a system certificate, verifies the upstream (nginx-howto does
not: how-tos do not), and writes a line of log for every call. Everything runs on loopback. The fronts have one
processor, the upstream and the load have the others. No process of a front interrupts another (`SCHED_BATCH`): two
workers on one processor would do so at every packet, two with a processor each never do.

| front | |
|---|---|
| `relay` | `relay serve`, one worker, its log in a file |
| `nginx-tuned` | nginx as its experts would configure it: [nginx-tuned.conf](../bench/peers/nginx-tuned.conf) |
| `nginx-howto` | nginx by how-tos, no keep-alive upstream: [nginx-howto.conf](../bench/peers/nginx-howto.conf) |
| `haproxy` | HAProxy, one thread, log in a file: [haproxy.cfg](../bench/peers/haproxy.cfg) |
| `aiohttp` | aiohttp's server and client, on asyncio: [aiohttp_front.py](../bench/peers/aiohttp_front.py) |
| `fastapi-httpx` | FastAPI on uvicorn, and httpx: [fastapi_httpx_front.py](../bench/peers/fastapi_httpx_front.py) |
| `...-proxy-v2` | the same behind a load balancer that sends a PROXY v2 header before TLS |
| `...-client-certificate` | the same, asking callers for a certificate; they have but their keys, or one (`-shown`) |
| `relay-token` | `relay` whose callers show a token of Entra ID's form (RS256) instead of the key |
| `...-workers-2` | the same with two workers, as many callers for each, on one processor all the same |

The fronts take turns in each round, and the order turns round in every other one; figures are medians over the rounds,
and the marks in the plots go from the least to the most. CPU is the processor time that the kernel accounted to all of
a front's processes (`schedstat`), never time on the clock. Memory is their resident size; pages that they share count
for each. A short window during which the host gave the processors to others (steal, above 1 % and 10 ms) is repeated,
up to twice and for 90 seconds in all, and the least disturbed counts. The bench stops without a figure when a call got
anything but a whole 200, when a front's own log says otherwise, when a connection was not of the kind that it should
be, or when one that should be kept was not.

A front that had time left waited for its load. With one connection per call that is the rule on two processors: OpenSSL
takes longer over a caller's handshake than over a server's. All fronts wait alike then, with caches colder than under
full load.
"""


def page(results: Results, judgements: Sequence[Judgement], facts: Facts) -> str:
    """Return the page."""
    return "\n".join(
        [
            _HEAD.format(command=facts.command),
            *_bars(judgements),
            _METHOD,
            *_results(results),
            *_profile(results.get("profile", {})),
            *_made_on(facts),
        ]
    )


def plots(results: Results) -> dict[str, str]:
    """Return the plots by file name."""
    return {
        f"{chapter.work}.svg": bars(
            f"{chapter.title}: {chapter.figures[chapter.drawn]}",
            [_row(name, figures, chapter.drawn) for name, figures in results[chapter.work].items()],
        )
        for chapter in _CHAPTERS
        if chapter.work in results
    }


def _row(name: str, figures: Figures, drawn: str) -> Row:
    value = float(figures[drawn])
    least, most = (float(figures.get(f"{drawn}_{end}", value)) for end in ("least", "most"))
    return Row(name=name, value=value, least=least, most=most)


def _bars(judgements: Sequence[Judgement]) -> Iterator[str]:
    yield "## Bars\n"
    yield "| | against | measured | bar | | wish | |"
    yield "|---|---|---|---|---|---|---|"
    for judgement in judgements:
        yield f"| {' | '.join(cells(judgement))} |"
    yield ""


def cells(judgement: Judgement) -> tuple[str, ...]:
    """Return a judgement as words: what, against whom, measured, bar, met or not, wish, granted or not."""
    bar = judgement.bar
    times = "x" if bar.against else ""
    return (
        bar.says,
        bar.front if bar.least is not None and bar.against else bar.against,
        "not measured" if judgement.value is None else f"{_three(judgement.value)}{times}",
        f"<= {bar.most:g}{times}" if bar.most is not None else f">= {bar.least:g}{times}",
        _word(judgement.met, "met", "**not met**"),
        "" if bar.wish is None else f"{'>=' if bar.least is not None else '<='} {bar.wish:g}{times}",
        _word(judgement.granted, "met", "not met"),
    )


def _three(value: float) -> str:
    """Return a number with three digits that mean something, or all that it has before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _word(value: bool | None, yes: str, no: str) -> str:  # noqa: FBT001  # what it words
    return "" if value is None else yes if value else no


def _results(results: Results) -> Iterator[str]:
    yield "## Results\n"
    for chapter in _CHAPTERS:
        if chapter.work in results:
            yield from _chapter(chapter, results[chapter.work])


def _chapter(chapter: _Chapter, fronts: Work) -> Iterator[str]:
    yield f"### {chapter.title}\n"
    yield f"{fill(chapter.text, 120)}\n"
    yield f"![{chapter.title}](performance/{chapter.work}.svg)\n"
    yield f"| `{chapter.work}` | {' | '.join(chapter.figures.values())} |"
    yield f"|---|{'---:|' * len(chapter.figures)}"
    for name, figures in fronts.items():
        yield f"| `{name}` | {' | '.join(_shown(figures.get(figure)) for figure in chapter.figures)} |"
    yield ""


def _profile(works: Work) -> Iterator[str]:
    """A line for each kind of work, a column for each of the works: the other way round would be too wide."""
    if not works:
        return
    yield _PROFILE
    yield f"| share of the relay's processor time, % | {' | '.join(f'`{work}`' for work in works)} |"
    yield f"|---|{'---:|' * len(works)}"
    for kind in (*KINDS, "samples"):
        if any(kind in shares for shares in works.values()):
            yield f"| {kind} | {' | '.join(_shown(shares.get(kind, 0.0)) for shares in works.values())} |"
    yield ""


def _shown(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _made_on(facts: Facts) -> Iterator[str]:
    yield "## Machine, versions, commands\n"
    yield f"Measured on {facts.at:%Y-%m-%d}, {facts.rounds} rounds, {facts.minutes:.0f} minutes in all.\n"
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in (("relay", facts.relay), *facts.machine, *facts.versions))
    yield _COMMANDS


_COMMANDS: Final = """
```
apt-get install -y nginx-light haproxy wrk   # make bench does it itself when it is root and one is missing
make bench                                   # all of this page
make bench-quick                             # kept and one-shot only; writes nothing
.venv/bin/python -m bench --work kept --front relay --front nginx-tuned   # parts
.venv/bin/python -m bench --work profile     # where the time goes; needs perf (apt-get install linux-perf)
.venv/bin/python -m bench --work kept --front relay --before ../other     # beside another checkout of the relay
```
"""
