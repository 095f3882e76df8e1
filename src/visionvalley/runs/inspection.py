# SPDX-License-Identifier: Apache-2.0
"""An inspection from files to a folder of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from visionvalley.applications.manufacturing.conditions import Conditions
from visionvalley.applications.manufacturing.inspection import Inspection, run
from visionvalley.applications.manufacturing.seeds import Seeds
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import SILENT, BadInput, Part, Progress, Report, stage
from visionvalley.io.files import carries_unit, read, read_part
from visionvalley.runs.conducting import Asked, Done, Job, Keeping, conduct
from visionvalley.runs.recipe import part_of, read_recipe
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.segmentation import with_faces

APPLICATION = "manufacturing.inspection"
CHORD_SHARE = 50  # an exact surface is cut into triangles within this part of the tolerance
CHORD_OF_SIZE = 20_000  # or, where there is no tolerance, within this part of its size


@dataclass(frozen=True, slots=True)
class Request:
    """Which files to inspect, and where the results go.

    reference                  nominal surface; None: the part that the recipe names
    scan_unit, reference_unit  needed where the file does not carry its own
    recipe                     what is asked of features; None: the whole surface alone
    conditions                 under which the scan was made; what it leaves open is what the recipe says
    output                     folder; None: beside the scan, named after it
    """

    scan: Path
    reference: Path | None
    scan_unit: str | None = None
    reference_unit: str | None = None
    output: Path | None = None
    recipe: Path | None = None
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.output or self.scan.with_name(f"{self.scan.stem}-inspection")


def inspect_files(
    request: Request, settings: Settings, progress: Progress = SILENT, keeping: Keeping = Keeping()
) -> Done:
    """Inspect a scan against its nominal surface, and keep the record of it."""
    return conduct(job(request, settings), keeping, progress)


def settled(request: Request) -> Request:
    """Return a request with what its recipe says of the files: the part, its unit, and the scan's."""
    if request.recipe is None:
        return request
    part, part_unit, scan_unit = part_of(request.recipe)
    known = carries_unit(request.scan)
    return replace(
        request,
        reference=request.reference or part,
        reference_unit=request.reference_unit or (part_unit if request.reference is None else None),
        scan_unit=request.scan_unit or (None if known else scan_unit),
    )


def job(request: Request, settings: Settings, seeds: Seeds = Seeds()) -> Job:
    """Return an inspection that can be conducted; raises BadInput where nothing says what the part should be."""
    request = settled(request)
    if request.reference is None:
        raise BadInput("runs.no_reference", scan=request.scan)
    files = {"scan": request.scan, "reference": request.reference}

    def work(progress: Progress) -> Report:
        return run(replace(_read(request, settings, progress), seeds=seeds), settings, progress)

    return Job(
        application=APPLICATION,
        arguments={"scan_unit": request.scan_unit, "reference_unit": request.reference_unit}
        | ({"conditions": stated} if (stated := request.conditions.facts()) else {}),
        inputs=files | ({} if request.recipe is None else {"recipe": request.recipe}),
        settings=settings,
        work=work,
        output=request.folder,
        seeds=seeds.kept(),
    )


def again(asked: Asked, inputs: Mapping[str, Path], output: Path) -> Job:
    """Return the job of what was asked, over these files."""
    arguments = dict(asked.arguments)
    stated = Conditions(**arguments.pop("conditions", {}))
    recipe = inputs.get("recipe")
    request = Request(inputs["scan"], inputs["reference"], output=output, recipe=recipe, conditions=stated, **arguments)
    return job(request, Settings(**asked.settings), Seeds.of(asked.seeds))


def propose_recipe(reference: Path, unit: str | None, output: Path | None, progress: Progress = SILENT) -> Path:
    """Write a recipe for a part, to begin with; return where it lies (beside the part, where nothing else is said)."""
    from visionvalley.runs.proposal import write_proposal

    place = output or reference.with_suffix(".toml")
    if place.exists():
        raise BadInput("runs.recipe_exists", path=place)
    with stage(progress, "runs.read"):
        part = with_faces(read_part(reference, unit))
    return write_proposal(place, part, reference, unit)


def _read(request: Request, settings: Settings, progress: Progress) -> Inspection:
    with stage(progress, "runs.read"):
        part = _read_reference(request, settings)
        scan = read(request.scan, request.scan_unit)
        if request.recipe is None:
            return Inspection(scan, part.mesh, part.chord_m, conditions=request.conditions)
        part = with_faces(part)
        recipe = read_recipe(request.recipe, dict(zip(names(part), part.surfaces, strict=True)))
    return Inspection(scan, part.mesh, part.chord_m, part=part, recipe=recipe, conditions=request.conditions)


def _read_reference(request: Request, settings: Settings) -> Part:
    path, unit = request.reference, request.reference_unit
    if path is None:
        raise BadInput("runs.no_reference", scan=request.scan)
    if path.suffix.lower() not in {".step", ".stp"}:
        return read_part(path, unit)
    if settings.tolerance_m:
        return read_part(path, unit, settings.tolerance_m / CHORD_SHARE)
    coarse = read_part(path, unit)
    size_m = float((coarse.mesh.vertices_m.max(axis=0) - coarse.mesh.vertices_m.min(axis=0)).max())
    return read_part(path, unit, size_m / CHORD_OF_SIZE)
