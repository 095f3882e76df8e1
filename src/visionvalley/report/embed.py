# SPDX-License-Identifier: Apache-2.0
"""The scene as the 3D view reads it: a JSON header and a buffer of bytes (web/viewer/viewer.js tells the format).

Coordinates are held in 14 bits over their range and values in about 12, which is for the eye alone: deviation.ply and
result.json hold the numbers themselves. Points and triangles are put in the order of a space-filling curve, told by
their differences, a plane a byte, and compressed.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cloud, Mesh, Scene, Thing
from visionvalley.core.arrays import Floats
from visionvalley.report import colours
from visionvalley.report.colours import Scale, scale_for, table_of
from visionvalley.report.numbers import Unit, unit_for
from visionvalley.report.scene import main_thing
from visionvalley.report.thinning import thinned_mesh
from visionvalley.report.views import View, frame_of

MOST_MOVING = 200_000  # points of a cloud that come first, a fair choice of all: drawn while the view turns
FACES_MOVING = 25_000  # of a surface while it turns on a slow machine
PLACES = 16383
VALUES = 4000  # steps over the range of the values, more where the scale is a small part of it
NO_DATA = 65535
LARGE_M = 3.0  # scenes above this size are told in metres


@dataclass(slots=True)
class Embedded:
    """What the viewer needs: `header` as JSON values, the parts of the buffer in order, and what was thinned.

    thinned  (name, kind, shown, there are) of each thing that is not shown whole: points or triangles
    """

    header: dict[str, Any]
    parts: list[bytes] = field(default_factory=list)
    thinned: list[tuple[str, str, int, int]] = field(default_factory=list)
    length: int = 0

    def add(self, numbers: NDArray[Any], bytes_each: int) -> int:
        """Append a column of whole numbers, each less the one before it; return the byte at which it stands."""
        at = self.length
        steps = np.diff(numbers.astype(np.int64), prepend=0)
        folded = np.where(steps < 0, -2 * steps - 1, 2 * steps)
        for place in range(bytes_each):
            self.parts.append((folded >> (8 * place)).astype(np.uint8).tobytes())
        self.length += bytes_each * len(numbers)
        return at

    def buffer(self) -> bytes:
        """Return the whole buffer."""
        return b"".join(self.parts)


def embedded(scene: Scene, start: View, shown_scene: Scene, map_name: str = "vik") -> Embedded:
    """Return header and buffer of a scene as it was thinned for the screen, first seen from `start`."""
    low, high = bounds_of(scene)
    origin = (low + high) / 2
    radius = max(float(np.sqrt(((high - low) ** 2).sum())) / 2, 1e-9)
    thing = main_thing(scene)
    scale = None if thing is None or thing.colouring is None else scale_for(thing.colouring, map_name)
    place = unit_for(1.0, "m", large=radius > LARGE_M / 2)
    made = Embedded(
        {
            "format": "visionvalley-scene/2",
            "origin": origin.tolist(),
            "frame": frame_of(scene).tolist(),
            "radius": radius,
            "start": start.axes[2].tolist(),
            "scale": None if scale is None else _scale(scale),
            "place": _shown(place, 2 * radius / 20_000),
            "things": [],
        }
    )
    for whole, thing in zip(scene.things, shown_scene.things, strict=True):
        made.header["things"].append(_thing(made, thing, origin, shown=_first(scene, whole)))
        kind, shown, total = "points", _count(thing), _count(whole)
        if isinstance(thing.shape, Mesh) and isinstance(whole.shape, Mesh):
            kind, shown, total = "triangles", len(thing.shape.faces), len(whole.shape.faces)
        if shown < total:
            made.thinned.append((thing.name, kind, shown, total))
    made.header["bytes"] = made.length
    return made


def _count(thing: Thing) -> int:
    """Return how many points are there."""
    shape = thing.shape
    return int(np.isfinite(shape.points_m).all(1).sum()) if isinstance(shape, Cloud) else len(shape.vertices_m)


def as_text(buffer: bytes) -> str:
    """Return the buffer as it stands in a page: compressed (raw deflate), in base64."""
    press = zlib.compressobj(6, zlib.DEFLATED, -15)
    return base64.b64encode(press.compress(buffer) + press.flush()).decode("ascii")


def bounds_of(scene: Scene) -> tuple[Floats, Floats]:
    """Return the lowest and highest coordinates of all things."""
    lows, highs = [], []
    for thing in scene.things:
        points = thing.shape.points_m if isinstance(thing.shape, Cloud) else thing.shape.vertices_m
        moved = thing.scene_from_thing.apply(points)
        if np.isfinite(moved).any():
            lows.append(np.nanmin(moved, 0))
            highs.append(np.nanmax(moved, 0))
    return (np.min(lows, 0), np.max(highs, 0)) if lows else (np.zeros(3), np.zeros(3))


def _first(scene: Scene, thing: Thing) -> bool:
    """Whether a thing is seen from the start: the first coloured one, with what has no colours behind a cloud."""
    main = main_thing(scene)
    if main is None or thing is main:
        return True
    return thing.colouring is None and isinstance(main.shape, Cloud)


def _scale(scale: Scale) -> dict[str, Any]:
    unit = unit_for((scale.high - scale.low) / 4, scale.unit)
    return {
        "low": scale.low,
        "high": scale.high,
        "unit": scale.unit,
        "limits": list(scale.limits),
        "colours": base64.b64encode(table_of(scale.map_name).tobytes()).decode("ascii"),
        "below": list(colours.BELOW),
        "above": list(colours.ABOVE),
        "noData": list(colours.NO_DATA),
        "noDataLine": list(colours.NO_DATA_LINE),
        "shown": _shown(unit, (scale.high - scale.low) / 500),
    }


def _shown(unit: Unit, step: float) -> dict[str, Any]:
    """Return a unit for the viewer, with as many decimals as show a step."""
    decimals = int(np.clip(-np.floor(np.log10(step * unit.per_si)), 0, 6))
    return {"unit": unit.name, "perSi": unit.per_si, "decimals": decimals}


def _thing(made: Embedded, thing: Thing, origin: Floats, *, shown: bool) -> dict[str, Any]:
    shape = thing.shape
    points = shape.points_m if isinstance(shape, Cloud) else shape.vertices_m
    places = thing.scene_from_thing.apply(points) - origin
    low, step, numbers = _quantised(places)
    rows = _ordered(places, numbers)
    normals = shape.normals if isinstance(shape, Cloud) else None
    turned = None if normals is None else thing.scene_from_thing.turn(normals[rows])
    return {
        "name": thing.name,
        "kind": "cloud" if isinstance(shape, Cloud) else "mesh",
        "shown": shown,
        "count": len(rows),
        "spacing": _spacing(places[rows]),
        "positions": {"at": [made.add(one, 2) for one in numbers[rows].T], "low": low.tolist(), "step": step.tolist()},
        "normals": None if turned is None else {"at": [made.add(one, 2) for one in _packed(turned).T]},
        "values": None if thing.colouring is None else _values(made, thing.colouring.values[rows]),
        "faces": _faces(made, shape, rows) if isinstance(shape, Mesh) else None,
    }


def _faces(made: Embedded, mesh: Mesh, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Append the faces, and fewer between the same vertices for a slow machine while it turns."""
    place = np.empty(len(rows), np.int64)
    place[rows] = np.arange(len(rows))
    fine = _written_faces(made, place[mesh.faces])
    if len(mesh.faces) <= 2 * FACES_MOVING:
        return fine | {"coarse": None}
    coarse, kept = thinned_mesh(mesh, FACES_MOVING)
    return fine | {"coarse": _written_faces(made, place[kept][coarse.faces])}


def _written_faces(made: Embedded, faces: NDArray[np.int64]) -> dict[str, Any]:
    """Append faces, each turned to begin at its first vertex, in the order of these."""
    faces = np.take_along_axis(faces, (faces.argmin(1)[:, None] + np.arange(3)) % 3, 1)
    first, second, third = faces[np.argsort(faces[:, 0], kind="stable")].T
    return {"at": [made.add(one, 4) for one in (first, second - first, third - first)], "count": len(faces)}


def _quantised(places: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the lowest coordinates, the steps and the (N, 3) numbers of these steps; 0 where there is no place."""
    known = np.isfinite(places).all(1)
    low = places[known].min(0) if known.any() else np.zeros(3)
    span = places[known].max(0) - low if known.any() else np.ones(3)
    step = np.maximum(span, 1e-12) / PLACES
    return low, step, np.round(np.nan_to_num((places - low) / step)).astype(np.int64)


def _ordered(places: Floats, numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the rows that have a place, along a space-filling curve (Morton 1966); a fair choice of many first."""
    rows = np.flatnonzero(np.isfinite(places).all(1))
    code = np.zeros(len(rows), np.int64)
    for bit in range(14):
        for axis in range(3):
            code |= ((numbers[rows, axis] >> bit) & 1) << (3 * bit + axis)
    if len(rows) > MOST_MOVING:
        late = np.ones(len(rows), np.int64)
        late[np.random.default_rng(0).permutation(len(rows))[:MOST_MOVING]] = 0
        code |= late << 42
    return rows[np.argsort(code, kind="stable")]


def _spacing(places: Floats) -> float:
    """Return about how far apart the points lie, taking them to be spread over half of their box's surface."""
    if len(places) == 0:
        return 0.0
    x, y, z = places.max(0) - places.min(0)
    return float(np.sqrt((x * y + y * z + z * x) / len(places)))


def _packed(normals: Floats) -> NDArray[np.int64]:
    return np.round(np.clip(np.nan_to_num(normals), -1, 1) * 127).astype(np.int64)


def _values(made: Embedded, values: NDArray[np.float32]) -> dict[str, Any]:
    known = np.isfinite(values)
    low = float(values[known].min()) if known.any() else 0.0
    span = float(values[known].max()) - low if known.any() else 1.0
    shown = made.header["scale"]
    fine = (shown["high"] - shown["low"]) / 1000 if shown else span
    step = max(span / (NO_DATA - 1), min(span / VALUES, fine), 1e-18)
    numbers = np.full(len(values), NO_DATA, np.int64)
    numbers[known] = np.round((values[known].astype(np.float64) - low) / step)
    return {"at": made.add(numbers, 3), "low": low, "step": step}
