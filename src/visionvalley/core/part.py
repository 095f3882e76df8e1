# SPDX-License-Identifier: Apache-2.0
"""A part as its drawing gives it: the nominal surface and the faces it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visionvalley.core.arrays import Ints, require
from visionvalley.core.cloud import Mesh
from visionvalley.core.elements import Element
from visionvalley.core.errors import BadInput


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A nominal surface, cut into faces.

    mesh      triangles within `chord_m` of the exact surface, part frame
    face      (F,) int32: the face that each triangle belongs to, -1 for none
    surfaces  what each face is: Plane, Cylinder, Cone, Sphere, or None for a free form
    chord_m   0 where the triangles are the surface itself
    """

    mesh: Mesh
    face: Ints
    surfaces: tuple[Element | None, ...]
    chord_m: float = 0.0

    def __post_init__(self) -> None:
        face = require("face", self.face, (len(self.mesh.faces),), np.int32)
        if len(face) and not (int(face.min()) >= -1 and int(face.max()) < len(self.surfaces)):
            raise BadInput("core.face_unknown", faces=len(self.surfaces), low=int(face.min()), high=int(face.max()))
        object.__setattr__(self, "face", face)
