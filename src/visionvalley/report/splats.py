# SPDX-License-Identifier: Apache-2.0
"""The renderer of the report: points to pixels with numpy alone, no screen and no OpenGL.

A surface is drawn as many points of it. The nearest point of each pixel gives the front; a pixel then shows the mean
of all points that lie on that front, so that noise neither grows nor hides, whichever side it is seen from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Cloud, Mesh, Scene, Thing
from visionvalley.core.arrays import Floats
from visionvalley.report.views import View

Image = NDArray[np.float32]

MOST_POINTS = 1_000_000
FAR = np.float32(-3e38)
LIGHT = np.array((-0.35, 0.55, 0.76)) / np.sqrt(0.35**2 + 0.55**2 + 0.76**2)  # right, up, towards the viewer
IN_FRONT = 0.25  # the share of the points that the front has, where a back lies behind it
EMPTY_AT_MOST = 9.2  # -ln of the share of pixels that may stay holes: 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Points to draw, a column a coordinate.

    points   (3, N) float32 metres, scene coordinates less `middle_of(scene)`
    normals  (3, N) float32, or None
    values   (N,) float32, NaN for no data; None for a thing that has no colouring
    """

    points: Image
    normals: Image | None
    values: NDArray[np.float32] | None

    def thinned(self, most: int) -> Dots:
        """Return every n-th point, so that about `most` are left."""
        step = max(1, self.points.shape[1] // most)
        normals = None if self.normals is None else self.normals[:, ::step]
        return Dots(self.points[:, ::step], normals, None if self.values is None else self.values[::step])


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """How a view is laid on pixels: the point in the middle (axes of the view), and the size of a pixel."""

    view: View
    width: int
    height: int
    middle: Floats
    pixel_m: float

    def place(self, points: Image) -> tuple[NDArray[np.int32], Image]:
        """Return the pixel (row * width + column; at the rim for what is outside) and the nearness of each point."""
        step = 1 / self.pixel_m
        right = along(points, self.view.axes[0] * step, self.width / 2 - self.middle[0] * step)
        down = along(points, -self.view.axes[1] * step, self.height / 2 + self.middle[1] * step)
        near = along(points, self.view.axes[2], -self.middle[2])
        column = np.clip(right, 0, self.width - 1, out=right).astype(np.int32)
        row = np.clip(down, 0, self.height - 1, out=down).astype(np.int32)
        row *= np.int32(self.width)
        return row + column, near


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a frame shows: (height, width) images.

    there   whether something is drawn
    values  mean value of the points there, NaN for no data
    near_m  nearness of the front
    light   cosine of the angle between surface and light, mean of the points there
    """

    there: NDArray[np.bool_]
    values: Image
    near_m: Image
    light: Image


def along(points: Image, axis: Floats, start: float) -> Image:
    """Return start + axis · point for (3, N) points, float32."""
    x, y, z = (np.float32(part) for part in axis)
    out: Image = points[0] * x
    out += points[1] * y
    out += points[2] * z
    out += np.float32(start)
    return out


def dots_of(thing: Thing, origin_m: Floats, most: int = MOST_POINTS) -> Dots:
    """Return the points of a thing: a cloud's own (every n-th of very many), a mesh's surface sampled evenly."""
    values = None if thing.colouring is None else thing.colouring.values
    normals: Floats | None
    if isinstance(thing.shape, Mesh):
        points, normals, shown = _surface(thing.shape, values, most)
    else:
        points, normals, shown = _points(thing.shape, values, most)
    pose = thing.scene_from_thing
    moved = np.ascontiguousarray((pose.apply(points) - origin_m).T, np.float32)
    turned = None if normals is None else np.ascontiguousarray(pose.turn(normals).T, np.float32)
    return Dots(moved, turned, shown)


def _points(
    cloud: Cloud, values: NDArray[np.float32] | None, most: int
) -> tuple[Floats, Floats | None, NDArray[np.float32] | None]:
    x, y, z = cloud.points_m.T
    rows = np.flatnonzero(np.isfinite(x + y + z))
    rows = rows[:: -(-len(rows) // most)] if len(rows) > most else rows
    normals = None if cloud.normals is None else cloud.normals[rows]
    return cloud.points_m[rows], normals, None if values is None else values[rows]


def _surface(
    mesh: Mesh, values: NDArray[np.float32] | None, most: int
) -> tuple[Floats, Floats, NDArray[np.float32] | None]:
    """Sample each triangle by its area, at least once, with an additive recurrence (Roberts 2018, R2)."""
    first, second, third = (mesh.vertices_m[mesh.faces[:, i]] for i in range(3))
    cross = np.cross(second - first, third - first)
    area = np.sqrt(cross[:, 0] ** 2 + cross[:, 1] ** 2 + cross[:, 2] ** 2)
    share = area / max(float(area.sum()), 1e-300)
    face = np.repeat(np.arange(len(area)), np.maximum(1, np.round(share * most)).astype(np.int64))
    turn = np.arange(len(face)) + 1.0
    a, b = (0.7548776662466927 * turn) % 1.0, (0.5698402909980532 * turn) % 1.0
    over = a + b > 1
    a, b = np.where(over, 1 - a, a), np.where(over, 1 - b, b)
    points = first[face] + a[:, None] * (second - first)[face] + b[:, None] * (third - first)[face]
    shown = None
    if values is not None:
        at = (values[mesh.faces[face, i]] for i in range(3))
        shown = sum(w * v for w, v in zip((1 - a - b, a, b), at, strict=True)).astype(np.float32)
    return points, (cross / np.maximum(area, 1e-300)[:, None])[face], shown


def frame_for(view: View, layers: list[Dots], width: int, height: int, margin: int = 8) -> Frame:
    """Return the frame that shows all points as large as fits; the side with room to spare is cut to what is needed."""
    thin = [one.thinned(60_000).points for one in layers]
    spans = np.array([_span(along(points, axis, 0.0)) for axis in view.axes for points in thin])
    spans = spans.reshape(3, len(thin), 2)
    low, high = spans[:, :, 0].min(1), spans[:, :, 1].max(1)
    extent = np.maximum(high - low, 1e-9)
    pixel = float(max(extent[0] / (width - 2 * margin), extent[1] / (height - 2 * margin)))
    fitted = [min(full, 2 * int(np.ceil(extent[i] / pixel / 2)) + 2 * margin) for i, full in enumerate((width, height))]
    return Frame(view, fitted[0], fitted[1], (low + high) / 2, pixel)


def _span(values: Image) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (np.inf, -np.inf)


def look(frame: Frame, dots: Dots) -> Seen:
    """Return what the points show in a frame."""
    pixel, near = frame.place(dots.points)
    shape = (frame.height, frame.width)
    front = np.full(frame.width * frame.height, FAR, np.float32)
    np.maximum.at(front, pixel, near)
    radius = _radius(front.reshape(shape))
    surface: Image = closed(front.reshape(shape), radius)
    front = surface.ravel()
    chosen = np.flatnonzero(near >= front[pixel] - np.float32((radius + 3) * frame.pixel_m))
    pixel, near = pixel[chosen], near[chosen]

    def total(weights: NDArray[np.float32] | None) -> Image:
        return summed(np.bincount(pixel, weights, len(front)).astype(np.float32).reshape(shape), radius)

    count = np.where(surface > FAR, total(None), np.float32(0))
    whole = np.maximum(count, 1, dtype=np.float32)
    light: Image
    if dots.normals is None:
        light = _light_of_depth(np.divide(total(near), whole, dtype=np.float32), count, frame.pixel_m, radius)
    else:
        light = np.divide(total(_light(frame.view, dots.normals[:, chosen])), whole, dtype=np.float32)
    values = _values(dots, chosen, count, total)
    return Seen(count > 0, values, surface, light)


def _values(dots: Dots, chosen: NDArray[np.intp], count: Image, total: Any) -> Image:
    """Return the mean of the values that are known, NaN where less than half of the points have one."""
    if dots.values is None:
        return np.full(count.shape, np.nan, np.float32)
    value = dots.values[chosen]
    known = np.isfinite(value)
    if known.all():
        return np.where(count > 0, total(value) / np.maximum(count, 1), np.float32(np.nan))
    weight = total(known.astype(np.float32))
    mean = total(np.where(known, value, np.float32(0))) / np.maximum(weight, 1)
    return np.where((weight > 0.5 * count) & (count > 0), mean, np.float32(np.nan))


def _light(view: View, normals: Image) -> Image:
    """Return the light that each point gets; a normal that looks away is turned round."""
    away = along(normals, view.axes[2], 0.0) < 0
    cosine = along(normals, LIGHT @ view.axes, 0.0)
    np.negative(cosine, out=cosine, where=away)
    return np.clip(cosine, 0, 1, out=cosine)


def _light_of_depth(near_m: Image, count: Image, pixel_m: float, radius: int) -> Image:
    """Return the light on a surface without normals: from the gradient of its smoothed nearness."""
    there = (count > 0).astype(np.float32)
    reach = max(3, radius)
    smooth = summed(near_m * there, reach) / np.maximum(summed(there, reach), 1)
    down, right = np.gradient(smooth, np.float32(pixel_m))
    size = np.sqrt(right * right + down * down + 1)
    cosine = (-right * LIGHT[0] + down * LIGHT[1] + LIGHT[2]) / size
    light: Image = np.clip(cosine, 0, 1).astype(np.float32)
    return light


def _radius(front: Image) -> int:
    """Return how far a point must reach, in pixels, so that hardly a hole is left in the surface.

    From how full the cells of 8 x 8 pixels are, taking the points as independent (Poisson).
    """
    height, width = (side // 8 * 8 for side in front.shape)
    hit = (front[:height, :width] > FAR).reshape(height // 8, 8, width // 8, 8)
    full = np.bincount(hit.sum((1, 3)).ravel(), minlength=65)[1:]
    if not full.any():
        return 1
    median = int(np.searchsorted(np.cumsum(full), full.sum() / 3)) + 1
    density = -np.log(1 - min(median, 63.5) / 64) * IN_FRONT
    return int(np.clip(np.ceil((np.sqrt(EMPTY_AT_MOST / density) - 1) / 2), 1, 12))


def closed(front: Image, radius: int) -> Image:
    """Return the front with its holes filled: widened by `radius` pixels, then shrunk; edges and slopes stay."""
    wide = _window(front, radius, np.maximum, FAR)
    narrow: Image = np.negative(_window(np.negative(wide), radius, np.maximum, FAR))
    return narrow


def summed(image: Image, radius: int) -> Image:
    """Return the sum within `radius` rows and columns of each pixel."""
    return _window(image, radius, np.add, np.float32(0))


def _window(image: Image, radius: int, combine: np.ufunc, outside: np.float32) -> Image:
    """Return `combine` over a square of 2 radius + 1 pixels about each pixel, built from squares of 1, 2, 4..."""
    height, width = image.shape
    whole = np.full((height + 2 * radius, width + 2 * radius), outside, np.float32)
    whole[radius : radius + height, radius : radius + width] = image
    down = _runs(whole, 2 * radius + 1, combine)
    return np.ascontiguousarray(_runs(down.T, 2 * radius + 1, combine).T)


def _runs(image: Image, length: int, combine: np.ufunc) -> Image:
    """Return `combine` over `length` rows that start at each row; there are length - 1 fewer of them."""
    rows = image.shape[0] - length + 1
    out, start, power = None, 0, 1
    while True:
        if length & power:
            part = image[start : start + rows]
            out = part if out is None else combine(out, part)
            start += power
        power *= 2
        if power > length:
            return out if out is not None else image
        image = combine(image[: -power // 2], image[power // 2 :])


def middle_of(scene: Scene) -> Floats:
    """Return a point near all things, less which coordinates keep their digits in float32."""
    samples = [sample for sample in map(_some_points, scene.things) if len(sample)]
    return np.mean([sample.mean(0) for sample in samples], 0) if samples else np.zeros(3)


def _some_points(thing: Thing) -> Floats:
    points = thing.shape.points_m if isinstance(thing.shape, Cloud) else thing.shape.vertices_m
    points = points[:: max(1, len(points) // 5000)]
    return thing.scene_from_thing.apply(points[np.isfinite(points).all(1)])
