# SPDX-License-Identifier: Apache-2.0
"""The same bits on any number of threads, and on every CPU of the target.

Libraries choose their code by the CPU's features. A process that is told not to use what AVX2 CPUs
lack runs as on one of them, as far as NumPy, OpenBLAS and the C library are concerned; kernels are
compiled for the target alone (tests/test_kernel_promises.py).
"""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__ as numpy_dispatch
from numpy._core._multiarray_umath import __cpu_features__ as numpy_features

import bits

BEYOND = [name for name in numpy_dispatch if name.startswith(("X86_V4", "AVX512")) and numpy_features.get(name)]
HWCAPS = "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-Prefer_No_AVX512_Probing,-ERMS,-FSRM"
VARIANTS = {
    "one thread": {"VALLEY_THREADS": "1"},
    "four threads": {"VALLEY_THREADS": "4"},
    "an AVX2 CPU": {
        "VALLEY_THREADS": "2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(BEYOND),
        "OPENBLAS_CORETYPE": "Haswell",
        "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={HWCAPS}",
    },
}


@lru_cache
def hashes(**variables: str) -> dict[str, str]:
    """Return the hash of each case in a process with these variables."""
    given = {key: value for key, value in variables.items() if value}
    done = subprocess.run(
        [sys.executable, str(Path(bits.__file__))],
        env={**os.environ, "VALLEY_THREADS": "2", **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", bits.CASES)
def test_results_have_the_same_bits_on(variant, case):
    expected = hashes()[case]
    assert len(expected) == 64, expected
    assert hashes(**VARIANTS[variant])[case] == expected


def test_an_avx2_cpu_is_imitated_where_this_one_has_more():
    code = (
        "from numpy._core._multiarray_umath import __cpu_features__ as f; print([n for n in f if f[n] and '512' in n])"
    )
    variables = {**os.environ, **{k: v for k, v in VARIANTS["an AVX2 CPU"].items() if v}}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    if BEYOND:
        assert "X86_V4" not in done.stdout
        assert "AVX512_SKX" not in done.stdout
    assert done.stderr == ""


def test_a_single_bit_changes_the_hash():
    numbers = np.ones(5)
    before = bits.hash_of({"a": (numbers, "x", 1.5)})
    assert bits.hash_of({"a": (numbers.copy(), "x", 1.5)}) == before
    assert bits.hash_of({"a": (np.nextafter(numbers, 2), "x", 1.5)}) != before
    assert bits.hash_of({"a": (numbers.astype(np.float32), "x", 1.5)}) != before
    with pytest.raises(TypeError):
        bits.hash_of(object())
