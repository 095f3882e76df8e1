# SPDX-License-Identifier: Apache-2.0
"""The scene as files for other programs: scene.glb with colours, deviation.ply with every point's number."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visionvalley.core import Cloud, Mesh, Scene, Thing
from visionvalley.io.glb import write_scene_glb
from visionvalley.io.ply import write as write_ply
from visionvalley.report.colours import scale_for


def main_thing(scene: Scene) -> Thing | None:
    """Return the thing that the pictures show: the first that is coloured, None where there is none."""
    return next((thing for thing in scene.things if thing.colouring is not None), None)


def measured_thing(scene: Scene) -> Thing | None:
    """Return the thing that was measured: the first coloured cloud, or else the first that is coloured."""
    clouds = (one for one in scene.things if one.colouring is not None and isinstance(one.shape, Cloud))
    return next(clouds, main_thing(scene))


def write_glb(path: Path, scene: Scene, map_name: str = "vik") -> None:
    """Write all things, each point in the colour that the report gives it; metres, y up as glTF asks."""
    colours = {
        thing.name: scale_for(thing.colouring, map_name).colours(thing.colouring.values)
        for thing in scene.things
        if thing.colouring is not None
    }
    write_scene_glb(path, scene, colours)


def write_deviations(path: Path, thing: Thing, map_name: str = "vik") -> None:
    """Write a coloured thing as PLY: millimetres, its number as the property `<name>_mm`, and its colours.

    Numbers of a unit other than metres are written in their SI unit, as `<name>_<unit>`. NaN: no data.
    """
    colouring = thing.colouring
    if colouring is None:
        return
    colours = scale_for(colouring, map_name).colours(colouring.values)
    lengths = colouring.unit == "m"
    name = f"{colouring.name}_{'mm' if lengths else colouring.unit or '1'}".replace(" ", "_")
    values = (colouring.values * np.float32(1e3 if lengths else 1)).astype(np.float32)
    shape = thing.shape.moved(thing.scene_from_thing)
    if isinstance(shape, Mesh):
        shape = Cloud(shape.vertices_m)
    write_ply(path, Cloud(shape.points_m, shape.normals, colours, {**(shape.fields or {}), name: values}), "mm")
