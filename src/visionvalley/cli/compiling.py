# SPDX-License-Identifier: Apache-2.0
"""The first use from a source checkout compiles what a verb needs, and says so."""

from __future__ import annotations

from visionvalley.cli.terminal import progress_bar
from visionvalley.core import text
from visionvalley.kernels import store

POINTS = ("ordering", "neighbours", "outliers", "normals", "voxels")
REGISTRATION = ("descriptors", "matching", "registration")
SURFACES = ("bvh", "distances", "raster", "topology", "best_fit")
KERNELS = {
    "inspect": POINTS + REGISTRATION + SURFACES,
    "demo": POINTS + REGISTRATION + SURFACES + ("rays", "simulation"),
}


def ready(verb: str, *, quiet: bool = False) -> None:
    """Compile the kernels of a verb that have no object code yet, behind a progress bar."""
    compile_missing(store.missing(KERNELS[verb]), quiet=quiet)


def compile_missing(missing: tuple[str, ...], *, quiet: bool = False) -> dict[str, float]:
    """Compile these kernel files behind a progress bar; return the seconds that each entry point took."""
    if not missing:
        return {}
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
