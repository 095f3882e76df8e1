# SPDX-License-Identifier: Apache-2.0
"""Where the object code of kernels lies, and how its files are named. Imports no Numba: it is quick to ask.

A file's name holds a digest of all that its code depends on: the kernel's source and every kernel
file that it imports, Python, Numba, the target. So an edit in any of them is seen at once, nothing
is ever overwritten by other code, and what is not there is compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SHIPPED = HERE / "compiled"
PYTHON = f"cp{sys.version_info[0]}{sys.version_info[1]}"
IMPORT = re.compile(
    r"^[ \t]*(?:from visionvalley\.kernels(?:\.(\w+))? import (?:\(([^)]*)\)|([^\n(]*))"
    r"|import visionvalley\.kernels\.(\w+))",
    re.MULTILINE,
)
HOLDS_KERNELS = re.compile(r"^from visionvalley\.kernels\.compilation import", re.MULTILINE)

# What x86-64-v3 adds to the first x86-64, in the words of /proc/cpuinfo (abm is lzcnt).
V3_FLAGS = frozenset({"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"})


def cpu_flags() -> frozenset[str]:
    """Return the CPU's features as Linux names them; nothing where that is not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                return frozenset(line.partition(":")[2].split())
    return frozenset()


@lru_cache
def target() -> str:
    """Return the CPU that kernels are compiled for: one for all machines of a kind, not this very one.

    x86-64-v3 (AVX2), or x86-64 on an older CPU, where results agree within rounding only; LLVM's
    'generic' on other architectures. The environment variable VALLEY_TARGET overrides it.
    """
    if chosen := os.environ.get("VALLEY_TARGET"):
        return chosen
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return "generic"
    flags = cpu_flags()
    return "x86-64-v3" if not flags or flags >= V3_FLAGS else "x86-64"


def user_cache() -> Path:
    """Return the user's folder for object code (VALLEY_CACHE, else XDG_CACHE_HOME, else ~/.cache)."""
    if chosen := os.environ.get("VALLEY_CACHE"):
        return Path(chosen) / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visionvalley" / "kernels"


def folders() -> tuple[Path, ...]:
    """Return where object code may lie, in the order in which it is looked for."""
    return SHIPPED, user_cache()


def writable() -> tuple[Path, ...]:
    """Return where object code may be written, the best first: in a source checkout the package itself."""
    installed = {"site-packages", "dist-packages"} & set(HERE.parts)
    return (user_cache(),) if installed else (SHIPPED, user_cache())


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
        for stem, many, few, plain in IMPORT.findall(file.read_text(encoding="utf-8")):
            names = [stem or plain] if stem or plain else re.findall(r"\w+", many or few)
            waiting += [file.parent / f"{name}.py" for name in names]
    return tuple(sorted(seen))


def stamp(source: Path) -> str:
    """Return the digest of all that the kernels of one file are compiled from and for."""
    return _stamp(source, target())


@lru_cache
def _stamp(source: Path, compiled_for: str) -> str:
    digest = hashlib.sha256(f"{PYTHON} {version('numba')} {version('llvmlite')} {compiled_for}".encode())
    for file in imported_kernels(source):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def stems() -> tuple[str, ...]:
    """Return the names of all kernel files."""
    return tuple(sorted(p.stem for p in HERE.glob("*.py") if HOLDS_KERNELS.search(p.read_text("utf-8"))))


def object_name(source: Path, name: str, *parts: str) -> str:
    """Return the file name of one kernel's object code; `parts` tell its variants and signatures apart."""
    digest = hashlib.sha256("\0".join((stamp(source), name, *parts)).encode()).hexdigest()
    return f"{source.stem}.{name}.{PYTHON}-{digest[:24]}.nbc"


def list_name(source: Path) -> str:
    """Return the name of the file that lists the object files of all declared kernels of a source."""
    return f"{source.stem}.{PYTHON}-{stamp(source)[:24]}.json"


def read(name: str) -> bytes | None:
    """Return what was written under a name; None where it is not there or was damaged."""
    for folder in folders():
        with contextlib.suppress(OSError):
            whole = (folder / name).read_bytes()
            if hashlib.sha256(whole[32:]).digest() == whole[:32]:
                return whole[32:]
    return None


def write(name: str, data: bytes) -> bool:
    """Write a file whole or not at all, where that can be done; say whether it could.

    A read-only package, a full disk and other processes that write the same make it slower, never wrong.
    """
    for folder in writable():
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(folder / name, hashlib.sha256(data).digest() + data)
            return True
    return False


def _write_whole(file: Path, data: bytes) -> None:
    number, beside = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(data)
        Path(beside).chmod(0o644)
        Path(beside).replace(file)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise


def here(names: list[str]) -> bool:
    """Say whether files of all these names are there."""
    return all(any((folder / name).exists() for folder in folders()) for name in names)


def missing(names: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return which kernel files (all where none is named) lack object code for a declared signature."""
    return tuple(stem for stem in (stems() if names is None else names) if not _complete(HERE / f"{stem}.py"))


def _complete(source: Path) -> bool:
    listed = compiled(source)
    return listed is not None and here(list(listed))


def compiled(source: Path) -> dict[str, dict[str, Any]] | None:
    """Return what is known of the object files of all declared kernels of a source; None where some lack.

    Of each file: `kernel`, its name; `seconds`, what it took to compile.
    """
    data = read(list_name(source))
    listed: dict[str, dict[str, Any]] | None = None if data is None else json.loads(data)
    return listed


def mark_complete(source: Path, files: dict[str, dict[str, Any]]) -> None:
    """Note that these are the object files of all declared kernels of a source, and remove older ones."""
    if write(list_name(source), json.dumps(files, indent=1).encode()) and writable()[0] == SHIPPED:
        keep = {*files, list_name(source)}
        for old in SHIPPED.glob(f"{source.stem}.*{PYTHON}-*"):
            if old.name not in keep:
                old.unlink(missing_ok=True)
