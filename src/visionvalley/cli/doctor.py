# SPDX-License-Identifier: Apache-2.0
"""`valley doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from visionvalley.core import BadInput, Text, render, text
from visionvalley.kernels import store

GOOD, WANTING, WRONG = "✓", "?", "✕"
PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "lib3mf", "laspy", "lazrs", "pye57", "pooch", "rich", "typer")
EXTRAS = {"cad": ("OCP", "doctor.cad")}  # extra: a module that it brings, and what it is for
LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do where that is not well."""

    name: str
    sign: str
    state: Text
    fix: Text | None = None


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, nothing else.")] = False,
) -> None:
    """Show versions, CPU, GPU, data and compiled kernels, what is missing and how to get it.

    Exit code: 0 where Vision Valley can run, 2 where it cannot.
    """
    findings = examine()
    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in findings], indent=1))
    else:
        _show(findings)
    raise typer.Exit(2 if any(one.sign == WRONG for one in findings) else 0)


def examine() -> list[Finding]:
    """Look at everything, in the order in which it is shown."""
    return [
        _versions(),
        *_packages(),
        _threads(),
        _cpu(),
        _kernels(),
        _gpu(),
        _data(),
        *_extras(),
        _disk(),
    ]


def _versions() -> Finding:
    state = text(
        "doctor.versions",
        visionvalley=version("visionvalley"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )
    return Finding("versions", GOOD, state)


def _packages() -> list[Finding]:
    found = {name: _version(name) for name in PACKAGES}
    there = text("doctor.packages", list=", ".join(f"{name} {v}" for name, v in found.items() if v))
    absent = [name for name, v in found.items() if v is None]
    findings = [Finding("packages", GOOD, there)]
    if absent:
        state, fix = text("doctor.packages_absent", list=", ".join(absent)), text("doctor.packages_fix")
        findings.append(Finding("packages", WRONG, state, fix))
    return findings


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _threads() -> Finding:
    from visionvalley.cli.compiling import require_threads

    try:
        require_threads()
    except BadInput as error:
        return Finding("threads", WRONG, text("doctor.error", what=error.what), text("doctor.error", what=error.fix))
    from visionvalley.kernels.threads import available, threads

    return Finding("threads", GOOD, text("doctor.threads", threads=threads(), cpus=available()))


def _cpu() -> Finding:
    lacking = sorted(store.V3_FLAGS - store.cpu_flags()) if store.cpu_flags() else []
    state = text("doctor.cpu", name=cpu_name(), target=store.target())
    if store.target() == "x86-64":
        state = text("doctor.cpu_old", name=cpu_name(), target=store.target(), lacking=", ".join(lacking) or "-")
        return Finding("cpu", WANTING, state, text("doctor.cpu_old_fix"))
    return Finding("cpu", GOOD, state)


def cpu_name() -> str:
    """Return what the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _kernels() -> Finding:
    missing, all_of_them = store.missing(), store.stems()
    folder = next((f for f in store.folders() if f.is_dir()), store.writable()[0])
    size = sum(file.stat().st_size for file in folder.glob("*")) if folder.is_dir() else 0
    state = text(
        "doctor.kernels",
        ready=len(all_of_them) - len(missing),
        total=len(all_of_them),
        folder=str(folder),
        megabytes=f"{size / 1e6:.1f}",
    )
    if not any(_can_write(folder) for folder in store.writable()) and missing:
        return Finding("kernels", WANTING, state, text("doctor.kernels_unwritable", folder=str(store.writable()[-1])))
    return (
        Finding("kernels", WANTING, state, text("doctor.kernels_fix")) if missing else Finding("kernels", GOOD, state)
    )


def _can_write(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _gpu() -> Finding:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    if shutil.which(query[0]) is None:
        return Finding("gpu", GOOD, text("doctor.gpu_none"))
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return Finding("gpu", GOOD, text("doctor.gpu_none"))
    if done.returncode != 0:
        return Finding("gpu", WANTING, text("doctor.gpu_silent", words=(done.stderr or done.stdout).strip()[:200]))
    with_library = "doctor.gpu_with_cupy" if find_spec("cupy") else "doctor.gpu"
    return Finding("gpu", GOOD, text(with_library, list="; ".join(done.stdout.strip().splitlines())))


def _data() -> Finding:
    from visionvalley.samples import list_samples

    samples = list_samples()
    here = [one for one in samples if one.here]
    if not here:
        return Finding("data", WANTING, text("doctor.data_none", total=len(samples)), text("doctor.data_fix"))
    folders = sorted({str(one.here).removesuffix(f"/{one.folder}") for one in here})
    state = text("doctor.data", here=len(here), total=len(samples), folder=", ".join(folders))
    return Finding("data", GOOD, state)


def _extras() -> list[Finding]:
    findings = []
    for extra, (module, purpose) in EXTRAS.items():
        if find_spec(module):
            findings.append(Finding(f"extra {extra}", GOOD, text("doctor.extra", what=text(purpose))))
        else:
            state, fix = text("doctor.extra_absent", what=text(purpose)), text("doctor.extra_fix", extra=extra)
            findings.append(Finding(f"extra {extra}", WANTING, state, fix))
    return findings


def _disk() -> Finding:
    folder = store.writable()[-1]
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state = text("doctor.disk", gigabytes=f"{free / 1e9:.1f}", folder=str(folder))
    if free < LEAST_FREE_BYTES:
        return Finding("disk", WANTING, state, text("doctor.disk_fix"))
    return Finding("disk", GOOD, state)


def _as_json(one: Finding) -> dict[str, str | None]:
    sign = {GOOD: "good", WANTING: "wanting", WRONG: "wrong"}[one.sign]
    return {"name": one.name, "sign": sign, "state": render(one.state), "fix": render(one.fix) if one.fix else None}


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 1, 0, 0))
    for one in findings:
        table.add_row(one.sign, one.name, render(one.state))
        if one.fix:
            table.add_row("", "", "→ " + render(one.fix))
    Console(highlight=False).print(table)
