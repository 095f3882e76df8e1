# SPDX-License-Identifier: Apache-2.0
"""The first use from a source checkout compiles what a verb needs, and says so."""

from __future__ import annotations

import os

from visionvalley.core import BadInput, text
from visionvalley.kernels import store

# What each verb can reach by its imports (tests/test_warm.py holds it to that).
POINTS = ("groups", "neighbours", "normals", "ordering", "outliers", "symmetric", "tree", "voxels")
REGISTRATION = ("descent", "descriptors", "matching", "prepared", "registration")
SURFACES = ("best_fit", "bvh", "distances", "topology")
FEATURES = (
    "bias",
    "bundles",
    "extremes",
    "filters",
    "fits",
    "least_squares",
    "ray_steps",
    "rays",
    "sections",
    "simulation",
    "starts",
    "wide",
    "zones",
)  # where a recipe asks for them
SEARCHING = (
    *(one for one in POINTS if one not in ("ordering", "symmetric")),
    *REGISTRATION,
    "best_fit",
    "bvh",
    "distances",
)
KERNELS = dict.fromkeys(("inspect", "compare", "demo", "rerun", "hall"), POINTS + REGISTRATION + SURFACES + FEATURES)


def ready(verb: str, *, quiet: bool = False, without: tuple[str, ...] = ()) -> None:
    """Compile the kernels of a verb that have no object code yet, behind a progress bar.

    without  kernel files that this use of it does not reach
    """
    require_threads()
    compile_missing(store.missing(tuple(one for one in KERNELS[verb] if one not in without)), quiet=quiet)


def compile_missing(missing: tuple[str, ...], *, quiet: bool = False) -> dict[str, float]:
    """Compile these kernel files behind a progress bar; return the seconds that each entry point took."""
    if not missing:
        return {}
    from visionvalley.cli.terminal import progress_bar
    from visionvalley.kernels.ahead import compile_ahead

    with progress_bar(quiet=quiet) as progress:
        begun = False

        def show(done: int, total: int, name: str) -> None:
            nonlocal begun
            if not begun:
                progress.begin(text("cli.compiling"), total)
                begun = True
            else:
                progress.advance()

        seconds = compile_ahead(missing, show)
        progress.end()
    return seconds


def require_threads() -> None:
    """Raise BadInput where VALLEY_THREADS is set to something that is no number of threads."""
    written = os.environ.get("VALLEY_THREADS", "").strip()
    if written and not (written.isdecimal() and int(written) > 0):
        raise BadInput("warm.bad_threads", written=written)
