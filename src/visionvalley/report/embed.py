# SPDX-License-Identifier: Apache-2.0
"""A scene for the 3D viewer: a header in JSON and one buffer (format "visionvalley-scene/1", web/viewer/viewer.js).

Coordinates and values are held in 16 bits over their range: a part of 100 mm to 1 µm, which is for the eye alone;
deviation.ply and result.json hold the numbers themselves.
"""

from __future__ import annotations

import base64
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
from visionvalley.report.views import View, frame_of

MOST_POINTS = 1_000_000
MOST_FACES = 1_500_000
STEPS = 65534
NO_DATA = 65535
LARGE_M = 3.0  # scenes above this size are told in metres


@dataclass(slots=True)
class Embedded:
    """What the viewer needs: `header` as JSON values, the parts of the buffer in order, and what was thinned.

    thinned  (name, points shown, points there are) of each thing that is not shown whole
    """

    header: dict[str, Any]
    parts: list[bytes] = field(default_factory=list)
    thinned: list[tuple[str, int, int]] = field(default_factory=list)
    length: int = 0

    def add(self, array: NDArray[Any]) -> int:
        """Append an array and return the byte at which it stands."""
        at = self.length
        data = array.tobytes()
        data += b"\0" * (-len(data) % 4)
        self.parts.append(data)
        self.length += len(data)
        return at

    def buffer(self) -> bytes:
        """Return the whole buffer."""
        return b"".join(self.parts)


def embedded(scene: Scene, start: View, map_name: str = "vik", most_points: int = MOST_POINTS) -> Embedded:
    """Return header and buffer of a scene, first seen from `start`; clouds thinned to `most_points` each."""
    low, high = bounds_of(scene)
    origin = (low + high) / 2
    radius = max(float(np.sqrt(((high - low) ** 2).sum())) / 2, 1e-9)
    thing = main_thing(scene)
    scale = None if thing is None or thing.colouring is None else scale_for(thing.colouring, map_name)
    place = unit_for(1.0, "m", large=radius > LARGE_M / 2)
    made = Embedded(
        {
            "format": "visionvalley-scene/1",
            "origin": origin.tolist(),
            "frame": frame_of(scene).tolist(),
            "radius": radius,
            "start": start.axes[2].tolist(),
            "scale": None if scale is None else _scale(scale),
            "place": _shown(place, 2 * radius / 20_000),
            "things": [],
        }
    )
    made.header["things"] = [_thing(made, one, origin, most_points, shown=_first(scene, one)) for one in scene.things]
    return made


def as_text(buffer: bytes) -> str:
    """Return the buffer as it stands in a page."""
    return base64.b64encode(buffer).decode("ascii")


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


def _thing(made: Embedded, thing: Thing, origin: Floats, most: int, *, shown: bool) -> dict[str, Any]:
    points = thing.shape.points_m if isinstance(thing.shape, Cloud) else thing.shape.vertices_m
    places = thing.scene_from_thing.apply(points) - origin
    faces = _faces(thing.shape)
    rows = np.arange(len(places)) if faces is not None else _chosen(places, most)
    total = int(np.isfinite(places).all(1).sum()) if faces is None else len(places)
    if len(rows) < total:
        made.thinned.append((thing.name, len(rows), total))
    normals = None if isinstance(thing.shape, Mesh) or thing.shape.normals is None else thing.shape.normals[rows]
    turned = None if normals is None else thing.scene_from_thing.turn(normals)
    return {
        "name": thing.name,
        "kind": "cloud" if faces is None else "mesh",
        "shown": shown,
        "total": total,
        "count": len(rows),
        "spacing": _spacing(places[rows]),
        "positions": _positions(made, places[rows]),
        "normals": None if turned is None else {"at": made.add(_packed(turned))},
        "values": None if thing.colouring is None else _values(made, thing.colouring.values[rows]),
        "faces": None if faces is None else {"at": made.add(faces.astype("<u4")), "count": len(faces)},
    }


def _faces(shape: Cloud | Mesh) -> NDArray[np.int32] | None:
    return None if isinstance(shape, Cloud) or len(shape.faces) > MOST_FACES else shape.faces


def _chosen(places: Floats, most: int) -> NDArray[np.intp]:
    """Return rows of points in a random order (always the same), so that the first n are a fair choice."""
    known = np.flatnonzero(np.isfinite(places).all(1))
    return np.random.default_rng(0).permutation(known)[:most]


def _spacing(places: Floats) -> float:
    """Return about how far apart the points lie, taking them to be spread over half of their box's surface."""
    if len(places) == 0:
        return 0.0
    x, y, z = places.max(0) - places.min(0)
    return float(np.sqrt((x * y + y * z + z * x) / len(places)))


def _positions(made: Embedded, places: Floats) -> dict[str, Any]:
    low = places.min(0) if len(places) else np.zeros(3)
    span = places.max(0) - low if len(places) else np.ones(3)
    step = np.maximum(span, 1e-12) / 65535
    numbers = np.round((places - low) / step).astype("<u2")
    return {"at": made.add(numbers), "low": low.tolist(), "step": step.tolist()}


def _packed(normals: Floats) -> NDArray[np.int8]:
    four = np.zeros((len(normals), 4), np.int8)
    four[:, :3] = np.round(np.clip(np.nan_to_num(normals), -1, 1) * 127)
    return four


def _values(made: Embedded, values: NDArray[np.float32]) -> dict[str, Any]:
    known = np.isfinite(values)
    low = float(values[known].min()) if known.any() else 0.0
    span = float(values[known].max()) - low if known.any() else 1.0
    step = max(span, 1e-15) / STEPS
    numbers = np.full(len(values), NO_DATA, "<u2")
    numbers[known] = np.round((values[known].astype(np.float64) - low) / step)
    return {"at": made.add(numbers), "low": low, "step": step}
