# SPDX-License-Identifier: Apache-2.0
"""A recipe proposed for a part: its faces, datums, and what is usually asked of such features, as a commented file.

Tolerances are proposals and stand behind a `#`: what no drawing asks for is measured, not judged. Those of sizes are
ISO 2768-1 m, those of form and orientation ISO 2768-2 K, which ISO 22081:2021 has replaced by what the drawing says.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visionvalley.core import Cylinder, Element, Part, Plane, Slot
from visionvalley.io.atomic import written
from visionvalley.runs.recipe import size_m
from visionvalley.vision.shape import topology
from visionvalley.vision.shape.joining import names

SQUARE = 1e-3  # cosine below which planes are at right angles
SAME = 1e-5  # m, between sizes of one pattern
UP_TO_MM = (6, 30, 120, 400, 1000, 2000, 4000)
LINEAR_MM = (0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)  # ISO 2768-1:1989, table 1, m
FLAT_UP_TO_MM, FLAT_MM = (10, 30, 100, 300, 1000, 3000), (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # ISO 2768-2:1989, table 1, K
SQUARE_UP_TO_MM, SQUARE_MM = (100, 300, 1000, 3000), (0.4, 0.6, 0.8, 1.0)  # ISO 2768-2:1989, table 2, K
POSITION_MM = 0.5


def write_proposal(path: Path, part: Part, part_file: Path, part_unit: str | None) -> Path:
    """Write a recipe for a part, whole or not at all."""
    with written(path) as file:
        file.write("\n".join(proposed(part, part_file.name, part_unit)).encode("utf-8"))
    return path


def proposed(part: Part, part_name: str, part_unit: str | None) -> Iterator[str]:
    """Yield the lines of a recipe for a part with faces."""
    surfaces = dict(zip(names(part), part.surfaces, strict=True))
    datums = datum_planes(part)
    yield f"# What is asked of {part_name}. Lengths in mm, angles in degrees."
    yield "# Tolerances are proposals: take away the # where your drawing asks for them, and correct the number."
    yield "# Without a tolerance a check is measured, not judged."
    yield f'part = "{part_name}"'
    if part_unit:
        yield f'part_unit = "{part_unit}"'
    yield from _head(datums)
    yield from _datum_checks(surfaces, part, datums)
    yield from _size_checks(surfaces)
    yield from _pattern_checks(surfaces, len(datums))
    yield from _further()
    yield from _faces(surfaces)


def _head(datums: tuple[str, ...]) -> Iterator[str]:
    yield from (
        "",
        "[scan]",
        '# unit = "mm"          # of the scan, where its file carries none',
        "# noise = 0.02         # standard deviation of a point; estimated from the scan where not given",
        "# registration = 0.01  # of scans to one another, where several make one cloud: along each axis",
        "# scale = 2e-5         # relative standard uncertainty of the scanner's scale, from its calibration",
        "# edge_margin = 0.5    # points nearer to an edge are left out; chosen from the scan where not given",
        "",
        "[conditions]           # told in the report; lengths are brought to 20 degrees where expansion is given",
        '# order = "4711"',
        '# sensor = "scanner and serial number"',
        '# operator = "name"',
        "# temperature = 21.5   # of the part, degrees Celsius",
        "# expansion = 11.5e-6  # of its material, 1/K",
        "",
        "[alignment]",
        'by = "part"            # the whole surface, by minimum zone or least squares; or "datums", or "points"',
        f'# datums = "{"|".join("ABC"[: len(datums)]) or "A"}"   # then the deviation map stands in this datum system',
        "# pairs = [[[0, 0, 0], [0, 0, 0]], ...]   # three or more: where on the scan, where on the part",
        "",
        "# A feature is a face (below all are listed), or points of a region:",
        "# [features.pad]",
        '# face = "plane-1"',
        "# region = { box = [[0, 0, 0], [10, 10, 10]] }   # or ball = [[x, y, z], r], rod = [[start], [end], r]",
        "# Or it is made of others: intersection, midplane, axis (through two centres), point (between them), pattern:",
        "# [features.edge]",
        '# construct = "intersection"',
        '# of = ["plane-1", "plane-2"]',
        "",
        "[datums]               # proposed: the largest planes at right angles to one another",
    )
    yield from (f'{letter} = "{name}"' for letter, name in zip("ABC", datums, strict=False))


def _one(kind: str, of: str, tolerance: str = "", datums: str = "", more: tuple[str, ...] = ()) -> Iterator[str]:
    yield from ("", "[[checks]]", f'kind = "{kind}"', f"of = {of}")
    if datums:
        yield f'datums = "{datums}"'
    yield from more
    if tolerance:
        yield tolerance


def _datum_checks(surfaces: dict[str, Element | None], part: Part, datums: tuple[str, ...]) -> Iterator[str]:
    sizes = dict(zip(surfaces, _extents_mm(part), strict=True))
    for number, name in enumerate(datums):
        flat = _table(sizes[name], FLAT_UP_TO_MM, FLAT_MM)
        square = _table(sizes[name], SQUARE_UP_TO_MM, SQUARE_MM)
        if number == 0:
            yield from _one("flatness", f'"{name}"', f"# tolerance = {flat}      # ISO 2768-2 K")
        else:
            before = "|".join("ABC"[:number])
            yield from _one("perpendicularity", f'"{name}"', f"# tolerance = {square}      # ISO 2768-2 K", before)
    if datums:
        yield from _thickness(surfaces, datums[0])


def _thickness(surfaces: dict[str, Element | None], first: str) -> Iterator[str]:
    """Yield the distance from the first datum to the largest plane opposite."""
    one = surfaces[first]
    for name, other in surfaces.items():
        if (
            isinstance(one, Plane)
            and isinstance(other, Plane)
            and float((one.normal * other.normal).sum()) < -1 + SQUARE
        ):
            apart_mm = abs(float(((other.point_m - one.point_m) * one.normal).sum())) * 1e3
            said = f"# tolerance = {_table(apart_mm, UP_TO_MM, LINEAR_MM)}      # plus and minus; ISO 2768-1 m"
            yield from _one("distance", f'["{first}", "{name}"]', said, more=(f"nominal = {apart_mm:.6g}",))
            return


def _size_checks(surfaces: dict[str, Element | None]) -> Iterator[str]:
    for name, surface in surfaces.items():
        size = size_m(surface)
        if size is None or name.startswith(("fillet", "round")):
            continue
        said = f"# tolerance = {_table(size * 1e3, UP_TO_MM, LINEAR_MM)}      # plus and minus; ISO 2768-1 m"
        more = (f"nominal = {size * 1e3:.6g}        # {'width' if isinstance(surface, Slot) else 'diameter'}",)
        yield from _one("size", f'"{name}"', said, more=more)


def _pattern_checks(surfaces: dict[str, Element | None], datums: int) -> Iterator[str]:
    for pattern in hole_patterns(surfaces):
        of = "[" + ", ".join(f'"{name}"' for name in pattern) + "]"
        said = f"# tolerance = {POSITION_MM}      # a guess: general tolerances have none for positions"
        yield from _one("position", of, said, "|".join("ABC"[:datums]), ("diameter = true",))


def _further() -> Iterator[str]:
    yield from (
        "",
        "# A section through the part: the profile of the line in which a plane cuts it.",
        "# [[section]]",
        '#   axis = "z"           # or through = "hole-1", or point = [x, y, z] and normal = [x, y, z]',
        "#   offset = 5",
        "#   tolerance = 0.2      # whole width of the zone",
        "",
        "# How thick walls are where both sides were scanned; ray: through the material, ball: what fits into it.",
        "# [wall_thickness]",
        '#   minimum = 1.2        # and maximum, up_to = 5 (thicker is no wall), of = ["plane-1"], method = "ball"',
    )


def _faces(surfaces: dict[str, Element | None]) -> Iterator[str]:
    yield from ("", "# All faces of the part, by kind, the largest first; where their middles are:")
    for name, surface in surfaces.items():
        yield f"#   {name:<14}{_described(surface)}"
    yield ""


def _described(surface: Element | None) -> str:
    if surface is None:
        return "no plane, cylinder, cone or sphere"
    place = ", ".join(f"{v * 1e3 + 0.0:.3f}" for v in np.round(surface.point_m, 9))
    size = size_m(surface)
    return f"({place})" + ("" if size is None else f"  {size * 1e3:.6g}")


def datum_planes(part: Part) -> tuple[str, ...]:
    """Return up to three planes at right angles to one another: each the largest that is left."""
    mesh = topology.merged(part.mesh)
    _, areas = topology.face_normals(mesh.vertices_m, mesh.faces)
    there = part.face >= 0
    area = np.bincount(part.face[there], weights=areas[there], minlength=len(part.surfaces))
    chosen: list[Plane] = []
    found = []
    for number in np.argsort(-np.round(area / max(float(area.max(initial=0.0)), 1e-300), 3), kind="stable"):
        plane = part.surfaces[number]
        if isinstance(plane, Plane) and all(abs(float((plane.normal * p.normal).sum())) < SQUARE for p in chosen):
            chosen.append(plane)
            found.append(names(part)[number])
    return tuple(found[:3])


def hole_patterns(surfaces: dict[str, Element | None]) -> tuple[tuple[str, ...], ...]:
    """Return the names of holes of one size with parallel axes, three or more."""
    groups: list[list[str]] = []
    for name, surface in surfaces.items():
        if not name.startswith("hole") or not isinstance(surface, Cylinder):
            continue
        for group in groups:
            first = surfaces[group[0]]
            if isinstance(first, Cylinder) and _alike(first, surface):
                group.append(name)
                break
        else:
            groups.append([name])
    return tuple(tuple(group) for group in groups if len(group) >= 3)


def _alike(one: Cylinder, other: Cylinder) -> bool:
    parallel = abs(float((one.direction * other.direction).sum())) > 1 - SQUARE
    return parallel and abs(one.radius_m - other.radius_m) < SAME


def _extents_mm(part: Part) -> list[float]:
    found = []
    for number in range(len(part.surfaces)):
        corners = part.mesh.vertices_m[part.mesh.faces[part.face == number]].reshape(-1, 3)
        found.append(math.sqrt(float((np.ptp(corners, axis=0) ** 2).sum())) * 1e3 if len(corners) else 0.0)
    return found


def _table(size: float, up_to: tuple[int, ...], values: tuple[float, ...]) -> float:
    return values[min(bisect_left(up_to, size), len(values) - 1)]
