# SPDX-License-Identifier: Apache-2.0
"""GLB (glTF 2.0, binary): surfaces and points with colours, for viewers; metres, y up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import BadInput, Cloud, Mesh, Pose, Scene, Thing
from visionvalley.io.atomic import written

FLOAT, UNSIGNED_INT, UNSIGNED_SHORT = 5126, 5125, 5123
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
POINTS, TRIANGLES = 0, 4
Colours = Mapping[str, NDArray[np.uint8]]


def write(path: Path, value: Cloud | Mesh, unit: str | None = None) -> None:
    """Write one surface or cloud; glTF is in metres, BadInput for another unit. What has z up is turned to y up."""
    if unit not in (None, "m"):
        raise BadInput("io.unit_conflict", path=path, given=unit, stated="m")
    write_scene_glb(path, Scene((Thing(path.stem, value),)))


def write_scene_glb(path: Path, scene: Scene, colours: Colours | None = None) -> None:
    """Write all things of a scene, a node each, the scene's up turned to y.

    colours  by the thing's name (N, 3) uint8, one a vertex or point: instead of its own

    Coordinates are floats about each thing's middle, whose place stands in its node, so that a city in UTM
    keeps its millimetres. Points without a measurement (NaN) and faces of no colour are kept out or plain.
    """
    book = _Book()
    for thing in scene.things:
        book.add(path, thing, (colours or {}).get(thing.name))
    turned = {"name": "scene", "rotation": _y_up(scene.up), "children": list(range(1, len(book.nodes) + 1))}
    if not book.nodes:
        del turned["children"]
    document = {
        "asset": {"version": "2.0", "generator": "Vision Valley"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [turned, *book.nodes],
        **{name: rows for name, rows in book.tables().items() if rows},
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(book.data)
    chunks = [(text, b"JSON")] + ([(data, b"BIN\0")] if data else [])
    total = 12 + sum(8 + len(chunk) for chunk, _ in chunks)
    if total >= 1 << 32:
        raise BadInput("io.too_large_for_format", path=path, format="GLB")
    with written(path) as file:
        file.write(b"glTF" + (2).to_bytes(4, "little") + total.to_bytes(4, "little"))
        for chunk, kind in chunks:
            file.write(len(chunk).to_bytes(4, "little") + kind + chunk)


@dataclass(slots=True)
class _Book:
    """The tables of a glTF document while it is written."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    meshes: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    length: int = 0

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the document's tables; an empty one is not allowed in a file."""
        buffers = [{"byteLength": self.length}] if self.length else []
        look = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
        materials = [{"pbrMetallicRoughness": look, "doubleSided": True}] if self.meshes else []
        return {
            **{"meshes": self.meshes, "materials": materials, "accessors": self.accessors},
            **{"bufferViews": self.views, "buffers": buffers},
        }

    def add(self, path: Path, thing: Thing, colours: NDArray[np.uint8] | None) -> None:
        """Add a thing: its arrays, its mesh and its node."""
        places, faces, normals, own = _arrays(thing.shape)
        seen = own if colours is None else np.asarray(colours, np.uint8)
        if seen is not None and seen.shape != (len(places), 3):
            raise BadInput("core.colouring_length", name=thing.name, got=len(seen), wanted=len(places))
        if faces is None:
            there = np.isfinite(places).all(axis=1)
            places, seen = places[there], None if seen is None else seen[there]
            normals = None if normals is None else normals[there]
        if len(places) == 0 or (faces is not None and len(faces) == 0):
            return
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        with np.errstate(over="ignore"):
            local = (places - middle).astype("<f4")
        if not np.isfinite(local).all():
            raise BadInput("io.too_large_a_number", path=path)
        attributes = {"POSITION": self.accessor(local, FLOAT, "VEC3", ARRAY_BUFFER, bounds=True)}
        lengths = None if normals is None else np.sqrt((normals**2).sum(axis=1, keepdims=True))
        if normals is not None and lengths is not None and (lengths > 0).all():  # glTF allows unit vectors only
            attributes["NORMAL"] = self.accessor((normals / lengths).astype("<f4"), FLOAT, "VEC3", ARRAY_BUFFER)
        if seen is not None:
            four = np.concatenate([_linear(seen), np.full((len(seen), 1), 1.0)], axis=1)
            shorts = np.rint(four * 65535).astype("<u2")  # 8 bits of linear light would band in the dark
            attributes["COLOR_0"] = self.accessor(shorts, UNSIGNED_SHORT, "VEC4", ARRAY_BUFFER, normalized=True)
        primitive: dict[str, Any] = {"attributes": attributes, "mode": POINTS, "material": 0}
        if faces is not None:
            flat = faces.astype("<u4").reshape(-1)
            primitive |= {
                "indices": self.accessor(flat, UNSIGNED_INT, "SCALAR", ELEMENT_ARRAY_BUFFER),
                "mode": TRIANGLES,
            }
        self.meshes.append({"name": thing.name, "primitives": [primitive]})
        place = thing.scene_from_thing @ Pose(np.eye(3), middle)
        matrix = place.matrix().T.reshape(-1).tolist()
        self.nodes.append({"name": thing.name, "mesh": len(self.meshes) - 1, "matrix": matrix})

    def accessor(
        self,
        array: NDArray[Any],
        component: int,
        kind: str,
        target: int,
        *,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Add an array and return the number of its accessor."""
        data = array.tobytes()
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data), "target": target}
        self.views.append(view)
        self.data.append(data + b"\0" * (-len(data) % 4))
        self.length += len(self.data[-1])
        about: dict[str, Any] = {"bufferView": len(self.views) - 1, "componentType": component}
        about |= {"count": len(array), "type": kind}
        if normalized:
            about["normalized"] = True
        if bounds:
            about |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(about)
        return len(self.accessors) - 1


def _arrays(
    shape: Cloud | Mesh,
) -> tuple[NDArray[np.float64], NDArray[np.int32] | None, NDArray[np.float64] | None, NDArray[np.uint8] | None]:
    """Return vertices, faces (None: points), normals and colours; a face of its own colour gets its own corners."""
    if isinstance(shape, Cloud):
        return shape.points_m, None, shape.normals, shape.colours
    if shape.face_colours is None or shape.vertex_colours is not None:
        return shape.vertices_m, shape.faces, None, shape.vertex_colours
    corners = shape.vertices_m[shape.faces].reshape(-1, 3)
    faces = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    return corners, faces, None, np.repeat(shape.face_colours, 3, axis=0)


def _linear(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sRGB bytes as linear light 0 ... 1, which glTF's vertex colours are (IEC 61966-2-1)."""
    table = np.arange(256) / 255
    table = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4)
    return table[colours]


def _y_up(up: tuple[float, float, float]) -> list[float]:
    """Return the quaternion (x, y, z, w) of the shortest turn from `up` to y."""
    x, y, z = np.asarray(up) / np.sqrt(np.sum(np.square(up)))
    if y < -1 + 1e-9:
        return [1.0, 0.0, 0.0, 0.0]
    q = np.array([-z, 0.0, x, 1 + y])  # up x y, and 1 + up . y
    return (q / np.sqrt((q**2).sum())).tolist()  # type: ignore[no-any-return]
