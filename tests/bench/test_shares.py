"""What a function counts as, and that nothing is left out of the whole."""

from collections import Counter

import pytest

from bench.shares import KERNEL, KINDS, UNKNOWN, counted, kind_of, shares

REPORT = """
 653        ;python3.11                              ;[.] _PyEval_EvalFrameDefault
 190        ;[kernel.kallsyms]                       ;[k] _raw_spin_unlock_irqrestore
 7          ;[nf_conntrack]                          ;[k] nf_conntrack_in
 47         ;libcrypto.so.3                          ;[.] 0x0000000000230ce5
 3          ;python3.11                              ;[.] 0x00000000000f00ba
 100        ;elsewhere.so                            ;[.] 0x0000000000000001
"""


def test_samples_are_read_by_place_and_function() -> None:
    samples = counted(REPORT.splitlines())
    assert samples["python3.11", "_PyEval_EvalFrameDefault"] == 653
    assert samples.total() == 1000


def test_shares_are_of_all_samples_and_what_fits_no_kind_is_told() -> None:
    assert shares(counted(REPORT.splitlines())) == {
        KERNEL: 19.7,
        "TLS (libssl, libcrypto, _ssl)": 4.7,
        "Python: evaluator": 65.3,
        UNKNOWN: 10.3,
        "samples": 1000,
    }


@pytest.mark.parametrize(
    ("where", "called", "kind"),
    [
        ("_ssl.cpython-311-x86_64-linux-gnu.so", "context_new", "TLS (libssl, libcrypto, _ssl)"),
        ("loop.cpython-311-x86_64-linux-gnu.so", "uv__io_poll", "event loop (uvloop, libuv)"),
        ("9a0f__mypyc.cpython-311-x86_64-linux-gnu.so", "CPyDef_set", "compiled modules of the relay"),
        ("libpython3.13.so.1.0", "_Py_dict_lookup", "Python: attributes and dictionaries"),
        ("python3.11", "dict_dealloc.lto_priv.0", "Python: allocation, collection"),
        ("python3.11", "unicodekeys_lookup_unicode.lto_priv.0", "Python: attributes and dictionaries"),
        ("python3.11", "sre_ucs1_match.lto_priv.0", "Python: regular expressions"),
        ("python3.11", "PyBytes_FromStringAndSize", "Python: bytes and text"),
        ("python3.11", "_PyFunction_Vectorcall", "Python: calls and frames"),
        ("python3.11", "sigchld", "Python: rest"),
        ("libc.so.6", "_int_malloc", "C library: malloc and free"),
        ("libc.so.6", "__memmove_avx512_unaligned_erms", "C library: rest"),
    ],
)
def test_a_function_is_of_the_first_kind_that_fits(where: str, called: str, kind: str) -> None:
    assert kind_of(where, called) == kind
    assert kind in KINDS


def test_nothing_sampled_is_nothing() -> None:
    assert shares(Counter()) == {"samples": 0}
