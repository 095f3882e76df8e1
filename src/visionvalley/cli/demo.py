# SPDX-License-Identifier: Apache-2.0
"""`valley demo`: the main job on real scans, or on a simulated part where there are none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visionvalley.cli.keeping import KeepDays, KeepInputs, Owner

if TYPE_CHECKING:
    from visionvalley.runs.conducting import Keeping

SCANS = "bunny_scans"
FEATURES_OUTPUT, COMPARISON_OUTPUT = "-features", "-comparison"  # behind the name of the folder, of other results


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results")] = Path("out/demo"),
    offline: Annotated[
        bool, typer.Option("--offline", help="Download nothing; simulate if the scans are not here.")
    ] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use a simulated part even where scans are here.")
    ] = False,
    features: Annotated[
        bool, typer.Option("--features", help="Measure the features of a machined part, the truth beside, instead.")
    ] = False,
    comparison: Annotated[
        bool, typer.Option("--comparison", help="Compare a part before and after a dent, in simulated scans, instead.")
    ] = False,
    owner: Owner = None,
    keep_days: KeepDays = None,
    keep_inputs: KeepInputs = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Register ten range scans without a start, fuse them and inspect the cloud; or measure features, or compare.

    The features are of a machined part with planted faults, in a simulated scan: the truth stands beside.
    The scans of the Stanford bunny are found beside the checkout, in VALLEY_DATA or in the cache, else
    downloaded; where they are not to be had, simulated scans of a part take their place.
    """
    from visionvalley.cli.compiling import FEATURES, ready
    from visionvalley.cli.terminal import progress_bar, say, show_demo, show_record
    from visionvalley.core import BadInput

    ready("demo", quiet=quiet, without=() if features or comparison else FEATURES)
    from visionvalley.runs.conducting import Keeping
    from visionvalley.runs.demo import demonstrate, demonstrate_simulated
    from visionvalley.samples import find

    keeping = Keeping(owner, keep_days, keep_inputs)
    if features:
        _features(output.with_name(f"{output.name}{FEATURES_OUTPUT}"), keeping, quiet=quiet)
        return
    if comparison:
        _comparison(output.with_name(f"{output.name}{COMPARISON_OUTPUT}"), keeping, quiet=quiet)
        return
    with progress_bar(quiet=quiet) as progress:
        try:
            folder = None if simulated else find(SCANS, offline=offline, progress=progress)
        except BadInput as error:
            folder = None
            say(error.what, quiet=quiet)
        if folder is None:
            found = demonstrate_simulated(output, progress, keeping)
        else:
            found = demonstrate(folder, output, progress, keeping)
    if not quiet:
        show_demo(found)
    show_record(found.done, quiet=quiet)


def _features(output: Path, keeping: Keeping, *, quiet: bool) -> None:
    """Measure features of a part from STEP; where there is none, or nothing that reads it, of a bracket of ours."""
    from visionvalley.cli.terminal import progress_bar, show_done
    from visionvalley.core import BadInput
    from visionvalley.runs.featured import PART, demonstrate_features
    from visionvalley.samples import find

    with progress_bar(quiet=quiet) as progress:
        try:
            part = find(PART, offline=True, progress=progress) if has_cad() else None
        except BadInput:
            part = None
        done = demonstrate_features(part, output, progress, keeping)
    show_done(done, quiet=quiet)


def _comparison(output: Path, keeping: Keeping, *, quiet: bool) -> None:
    """Compare two simulated scans of a bracket of ours."""
    from visionvalley.cli.terminal import progress_bar, show_done
    from visionvalley.runs.compared import demonstrate_comparison

    with progress_bar(quiet=quiet) as progress:
        done = demonstrate_comparison(output, progress, keeping)
    show_done(done, quiet=quiet)


def has_cad() -> bool:
    """Whether STEP files can be read."""
    return importlib.util.find_spec("OCP") is not None
