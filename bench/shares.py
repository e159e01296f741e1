"""Shares of processor time by kind, from samples by function; what fits no kind is shown as such. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import rounded

KERNEL: Final = "kernel"
UNKNOWN: Final = "unclassified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The functions of a kind: where they are, and what they are called."""

    kind: str
    where: re.Pattern[str]
    called: re.Pattern[str]


def _rule(kind: str, where: str, called: str = "") -> Rule:
    return Rule(kind=kind, where=re.compile(where), called=re.compile(called))


_PYTHON: Final = r"^(lib)?python3"
_LIBC: Final = r"^(libc|libm|libpthread|ld-linux.*)[.-]|^\[vdso\]"

# The first that fits is the one. Python built without its symbols leaves its own functions unclassified.
RULES: Final = (
    _rule(KERNEL, rf"^{KERNEL}$"),
    _rule("TLS (libssl, libcrypto, _ssl)", r"^libssl|^libcrypto|^_ssl\."),
    _rule("event loop (uvloop, libuv)", r"^loop\.cpython|^libuv"),
    _rule("JSON (orjson)", r"^orjson"),
    _rule("compiled modules of the relay", r"__mypyc\."),
    _rule("Python: evaluator", _PYTHON, r"^_PyEval_EvalFrameDefault"),
    _rule(
        "Python: allocation, collection",
        _PYTHON,
        r"(?i)alloc|gc_|_gc|free|^object_new|^tp_new|^_Py_NewReference|traverse|^visit_|^Py(Tuple|List|Dict)_New|new_pool",
    ),
    _rule("Python: regular expressions", _PYTHON, r"^_?sre|^(pattern|match)_|^state_"),
    _rule("Python: exceptions", _PYTHON, r"(?i)err_|traceback|exception|OSError|^tb_"),
    _rule(
        "Python: attributes and dictionaries",
        _PYTHON,
        r"(?i)dict|attr|getmethod|descr|member_|getset|^method_get|find_name|lookup|_PyType|property|^slot_tp_getattr",
    ),
    _rule("Python: bytes and text", _PYTHON, r"(?i)bytes|unicode|stringlib|str(ing)?_|fastsearch|utf8|siphash|strhex"),
    _rule(
        "Python: calls and frames",
        _PYTHON,
        r"(?i)vectorcall|_call|call_|callmethod|frame|initialize_locals|PyArg|getargs|convert|stack|PyEval|slot_tp|wrap_"
        r"|lru_cache",
    ),
    _rule(
        "Python: other values",
        _PYTHON,
        r"(?i)tuple|list|set_|long|float|zip_|map_|iter|number|slice|sequence|mapping|deque|hash|istrue|builtin_|time|bool",
    ),
    _rule("Python: rest", _PYTHON, r"^[A-Za-z_]"),
    _rule("C library: malloc and free", _LIBC, r"malloc|free|calloc|realloc|unlink_chunk|^sys(trim|malloc)"),
    _rule("C library: rest", _LIBC),
)

KINDS: Final = (*(rule.kind for rule in RULES), UNKNOWN)


def counted(lines: Iterable[str]) -> Counter[tuple[str, str]]:
    """Return samples by place and function, from `perf report -F sample,dso,sym --field-separator=;`."""
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        number, _, rest = line.partition(";")
        where, _, called = rest.partition(";")
        if number.strip().isdigit():
            # "[k] name" in the kernel, its modules too, and "[.] name" elsewhere; what has no name is an address.
            mark, name = called.strip()[:3], called.strip()[4:]
            found[KERNEL if mark == "[k]" else where.strip(), name] += int(number)
    return found


def kind_of(where: str, called: str, rules: Sequence[Rule] = RULES) -> str:
    """Return what kind of work a function does."""
    for rule in rules:
        if rule.where.search(where) and rule.called.search(called):
            return rule.kind
    return UNKNOWN


def shares(samples: Counter[tuple[str, str]]) -> dict[str, float]:
    """Return hundredths of all samples by kind, those that have any, and how many samples there were."""
    kinds: Counter[str] = Counter()
    for (where, called), number in samples.items():
        kinds[kind_of(where, called)] += number
    total = kinds.total()
    return {kind: rounded(100 * kinds[kind] / total) for kind in KINDS if kinds[kind]} | {"samples": total}
