# SPDX-License-Identifier: Apache-2.0
"""How kernels are compiled and where their object code is kept.

The target is fixed to x86-64-v3 (AVX2), so that one object code runs on every such CPU and gives
the same bits. Object code lies in `kernels/compiled`, inside the package, where a wheel carries
it; its stamp is the hash of the kernel's source and of every kernel file that it imports, so that
an edit in any of them is seen at once.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import platform
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

TARGET = "x86-64-v3"
if platform.machine().lower() in {"x86_64", "amd64"}:
    numba.config.CPU_NAME = TARGET
    numba.config.CPU_FEATURES = ""

HERE = Path(__file__).parent
SHIPPED = HERE / "compiled"

# Never fastmath=True: its `nnan` lets the compiler drop NaN tests, and NaN means 'no measurement'.
# Nor `arcp`: with it 1 / sqrt(x) of float32 becomes rsqrtps, whose bits differ from one maker of CPUs to another.
NAN_SAFE = {"nsz", "contract", "afn", "reassoc"}
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": NAN_SAFE}


def user_cache() -> Path:
    """Return the folder for object code where the package itself cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "visionvalley" / "kernels"


@lru_cache
def cache_folder() -> Path:
    """Return where object code is read and written: in the package if that can be, else the user's cache."""
    shipped_here = any(SHIPPED.glob(f"*.py{sys.version_info[0]}{sys.version_info[1]}*.nbi"))
    if shipped_here or os.access(SHIPPED if SHIPPED.exists() else HERE, os.W_OK):
        return SHIPPED
    return user_cache()


@lru_cache
def imported_kernels(source: Path) -> tuple[Path, ...]:
    """Return `source` and every kernel file that it imports, directly or not, sorted."""
    seen: set[Path] = set()
    waiting = [source]
    while waiting:
        file = waiting.pop()
        if file in seen or not file.exists():
            continue
        seen.add(file)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("visionvalley.kernels"):
                stem = (node.module or "").removeprefix("visionvalley.kernels").lstrip(".")
                names = [stem] if stem else [alias.name for alias in node.names]
                waiting += [file.parent / f"{name}.py" for name in names]
    return tuple(sorted(seen))


@lru_cache
def stamp(source: Path) -> str:
    """Return the SHA-256 of all sources that the kernels of one file are compiled from."""
    digest = hashlib.sha256()
    for file in imported_kernels(source):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


class PackageLocator(_CacheLocator):  # type: ignore[misc]
    """Tell Numba to keep object code in the package, stamped by content and not by time."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return stamp(self.source)

    def get_disambiguator(self) -> str:
        return self.source.stem

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> PackageLocator:
        return cls(Path(py_file))


class PackageCacheImpl(CompileResultCacheImpl):  # type: ignore[misc]
    """Numba's own reducer with our locator, and no other."""

    _locator_classes = [PackageLocator]  # noqa: RUF012


class PackageCache(FunctionCache):  # type: ignore[misc]
    """A cache that a read-only folder or a full disk makes slower, never wrong."""

    _impl_class = PackageCacheImpl

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Mark an entry point, with the signatures it is called with (for compilation ahead of use).

    signatures  Numba signature strings, such as 'void(float32[:, ::1], int64)'; read-only arrays
                are another type to Numba: pass writable ones.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**OPTIONS)(function)
        dispatcher._cache = PackageCache(function)
        dispatcher.declared = signatures
        return dispatcher

    return decorate


inner: Callable[[Callable[..., Any]], Any] = numba.njit(**OPTIONS)
