# SPDX-License-Identifier: Apache-2.0
"""Points, surfaces and volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.arrays import Floats, Ints, require, require_positive
from visionvalley.core.errors import BadInput
from visionvalley.core.pose import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Measured points, and what was measured with each.

    points_m  (N, 3) metres; a row of NaN is 'no measurement'
    normals   (N, 3) unit length, or None
    colours   (N, 3) uint8 red, green, blue, or None
    fields    further numbers, one a point: intensity, classification, time...
    """

    points_m: Floats
    normals: Floats | None = None
    colours: NDArray[np.uint8] | None = None
    fields: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        points = require("points_m", self.points_m, (None, 3))
        if np.isinf(points).any():
            raise BadInput("core.not_finite", name="points_m")
        object.__setattr__(self, "points_m", points)
        for name, dtype in (("normals", np.float64), ("colours", np.uint8)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, require(name, getattr(self, name), (len(points), 3), dtype))
        checked = {k: require(k, v, (len(points),), np.asarray(v).dtype) for k, v in self.fields.items()}
        object.__setattr__(self, "fields", MappingProxyType(checked))

    def __len__(self) -> int:
        return len(self.points_m)

    def __reduce__(self) -> tuple[Any, ...]:
        return Cloud, (self.points_m, self.normals, self.colours, dict(self.fields))

    def taken(self, index: NDArray[Any]) -> Cloud:
        """Return the points of an index or mask, with all that belongs to them."""
        return Cloud(
            self.points_m[index],
            None if self.normals is None else self.normals[index],
            None if self.colours is None else self.colours[index],
            {name: values[index] for name, values in self.fields.items()},
        )

    def moved(self, b_from_a: Pose) -> Cloud:
        """Return the cloud of frame a in frame b."""
        normals = None if self.normals is None else b_from_a.turn(self.normals)
        return Cloud(b_from_a.apply(self.points_m), normals, self.colours, self.fields)


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A surface of triangles; the outside is where they are seen counter-clockwise.

    vertices_m      (V, 3) metres, finite
    faces           (F, 3) int32, indices of vertices
    vertex_colours  (V, 3) uint8, or None
    face_colours    (F, 3) uint8, or None
    """

    vertices_m: Floats
    faces: Ints
    vertex_colours: NDArray[np.uint8] | None = None
    face_colours: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        vertices = require("vertices_m", self.vertices_m, (None, 3), finite=True)
        faces = require("faces", self.faces, (None, 3), np.int32)
        if len(faces) and not (int(faces.min()) >= 0 and int(faces.max()) < len(vertices)):
            raise BadInput(
                "core.face_out_of_range", vertices=len(vertices), low=int(faces.min()), high=int(faces.max())
            )
        object.__setattr__(self, "vertices_m", vertices)
        object.__setattr__(self, "faces", faces)
        for name, count in (("vertex_colours", len(vertices)), ("face_colours", len(faces))):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, require(name, getattr(self, name), (count, 3), np.uint8))

    def moved(self, b_from_a: Pose) -> Mesh:
        """Return the mesh of frame a in frame b."""
        return Mesh(b_from_a.apply(self.vertices_m), self.faces, self.vertex_colours, self.face_colours)


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Numbers on a regular grid.

    values             (nz, ny, nx)
    spacing_m          (3,) distance of neighbours along x, y, z
    world_from_volume  where voxel (0, 0, 0)'s centre and the axes lie
    """

    values: NDArray[Any]
    spacing_m: Floats
    world_from_volume: Pose

    def __post_init__(self) -> None:
        values = require("values", self.values, (None, None, None), np.asarray(self.values).dtype)
        spacing = require("spacing_m", self.spacing_m, (3,), finite=True)
        require_positive(**{f"spacing_m[{i}]": float(s) for i, s in enumerate(spacing)})
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "spacing_m", spacing)
