# SPDX-License-Identifier: Apache-2.0
"""Pictures of a scene, coloured by deviation, with the limits of the tolerance drawn as contours."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visionvalley.core import Mesh, Scene
from visionvalley.report.colours import NO_DATA, NO_DATA_LINE, PLAIN, Scale, scale_for
from visionvalley.report.scene import main_thing
from visionvalley.report.splats import (
    MOST_POINTS,
    Dots,
    Frame,
    Image,
    Seen,
    dots_of,
    frame_for,
    look,
    middle_of,
    summed,
)
from visionvalley.report.views import SIDES, View, corners, side

BELOW_WORTH = 0.7  # of a view from below: people know parts from above
FINER = 2  # pixels are drawn twice as fine and averaged: smooth edges
SMALL_POINTS = 300_000  # of a thing in a small picture
FEATURE_POINTS = 60_000  # of a thing in the picture of a feature
CONTEXT_POINTS = 150_000  # of a thing without colours beside one that has them
INK = (14, 23, 38)
NEIGHBOURS = ((0, 2), (0, -2), (2, 0), (-2, 0), (3, 3), (-3, -3), (3, -3), (-3, 3))


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a picture (pixels from the top left) and the value of the point there."""

    column: float
    row: float
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A view of the scene.

    pixels   (height, width, 4) uint8; transparent where nothing is
    spots    the points with the largest and the smallest value that this view shows
    pixel_m  the size of a pixel
    """

    view: View
    pixels: NDArray[np.uint8]
    spots: tuple[Spot, ...]
    pixel_m: float


def pictures_of(
    scene: Scene, map_name: str = "vik", large: tuple[int, int] = (960, 680), small: tuple[int, int] = (480, 360)
) -> dict[str, Picture]:
    """Return the view that explains the part ('corner') and its six sides by name; empty without things.

    Where the first coloured thing is a surface it is drawn alone, else with what has no colours behind it.
    large, small  (width, height) in pixels, at most; a picture is as small as its part
    """
    layers = _layers(scene)
    if not layers:
        return {}
    scale = scale_of(scene, map_name)
    fewer = [layer.thinned(SMALL_POINTS) for layer in layers]
    wanted = [(best_corner(scene, layers), layers, large)] + [(side(scene, name), fewer, small) for name in SIDES]
    with ThreadPoolExecutor(2) as pool:
        drawn = pool.map(lambda one: draw(one[0], one[1], one[2], scale), wanted)
    return {picture.view.name: picture for picture in drawn}


def pictures_of_features(
    scenes: Mapping[int, Scene], map_name: str = "vik", size: tuple[int, int] = (640, 440)
) -> dict[int, Picture]:
    """Return one picture of each scene, from the corner that shows most of what is coloured, by the scene's number."""

    def one(scene: Scene) -> Picture | None:
        layers = _layers(scene, FEATURE_POINTS)
        view = best_corner(scene, layers) if layers else None
        return draw(view, layers, size, scale_of(scene, map_name), through=True) if view else None

    with ThreadPoolExecutor(2) as pool:
        drawn = zip(scenes, pool.map(one, scenes.values()), strict=True)
        return {number: picture for number, picture in drawn if picture is not None}


def scale_of(scene: Scene, map_name: str = "vik") -> Scale | None:
    """Return the scale of the colours of what a scene's pictures show; None where nothing is coloured."""
    thing = main_thing(scene)
    return None if thing is None or thing.colouring is None else scale_for(thing.colouring, map_name)


def _layers(scene: Scene, most: int = MOST_POINTS) -> list[Dots]:
    """Return what is drawn: the first coloured thing, and what has no colours unless that is a surface."""
    origin, thing = middle_of(scene), main_thing(scene)
    context = most if thing is None else min(most, CONTEXT_POINTS)
    plain = [] if thing is not None and isinstance(thing.shape, Mesh) else [t for t in scene.things if not t.colouring]
    shown = ([] if thing is None else [thing]) + plain
    layers = [dots_of(one, origin, most if one.colouring else context) for one in shown]
    return [layer for layer in layers if layer.points.shape[1]]


def best_corner(scene: Scene, layers: list[Dots]) -> View:
    """Return the corner from which most of the part and of its largest deviations are seen, rather from above."""
    thin = [layer.thinned(20_000) for layer in layers]
    shown = [layer for layer in thin if layer.values is not None] or thin
    views = corners(scene)
    scores = [sum(_visible(view, thin, layer) for layer in shown) for view in views]
    scores = [score * (1.0 if i < len(views) // 2 else BELOW_WORTH) for i, score in enumerate(scores)]
    return views[int(np.argmax(scores))]


def _visible(view: View, layers: list[Dots], dots: Dots) -> float:
    """Return the share of the points that are in front, plus that of the most deviating 2 %."""
    frame = frame_for(view, layers, 100, 100)
    front = _in_front(frame, dots, look(frame, dots))
    share = float(front.mean())
    if dots.values is None or not np.isfinite(dots.values).any():
        return share
    size = np.abs(np.nan_to_num(dots.values))
    return share + float(front[size >= np.quantile(size, 0.98)].mean())


def _in_front(frame: Frame, dots: Dots, seen: Seen) -> NDArray[np.bool_]:
    pixel, near = frame.place(dots.points)
    return near >= seen.near_m.ravel()[pixel] - np.float32(4 * frame.pixel_m)


def draw(
    view: View, layers: list[Dots], size: tuple[int, int], scale: Scale | None, *, through: bool = False
) -> Picture:
    """Return one picture of the layers; coloured ones lie over plain ones where both are at the same place.

    through  coloured ones are seen through plain ones: the wall of a hole through the part
    """
    frame = frame_for(view, layers, size[0] * FINER, size[1] * FINER, 8 * FINER)
    seen = [look(frame, layer) for layer in layers]
    coloured = [layer.values is not None for layer in layers]
    share = 4.0 if through else 0.02
    back = np.float32(share * max(frame.width, frame.height) * frame.pixel_m) if any(coloured) else np.float32(0)
    rgb, there, near = _painted(seen[0], scale if coloured[0] else None), seen[0].there, seen[0].near_m
    near = near if coloured[0] else near - back
    for one, has_colour in zip(seen[1:], coloured[1:], strict=True):
        nearness = one.near_m if has_colour else one.near_m - back
        mine = one.there & (~there | (nearness > near))
        rgb[mine] = _painted(one, scale if has_colour else None)[mine]
        near, there = np.where(mine, nearness, near), there | mine
    rgb *= _edges(near, there, frame)[..., None]
    spots = next((_spots(frame, *pair) for pair in zip(layers, seen, strict=True) if pair[0].values is not None), ())
    return Picture(view, _reduced(rgb, there), spots, frame.pixel_m * FINER)


def _painted(seen: Seen, scale: Scale | None) -> Image:
    """Return the shaded colours: of the map with the limits' contours, hatched grey for no data; plain without scale.

    The shade is soft, so that the colours can still be read on the legend.
    """
    shade = (np.float32(0.62) + np.float32(0.38) * seen.light)[..., None]
    if scale is None:
        return shade * np.array(PLAIN, np.float32)
    paint = scale.colours(seen.values)
    unknown = seen.there & np.isnan(seen.values)
    if unknown.any():
        row, column = np.nonzero(unknown)
        paint[unknown] = np.where(((row + column) % (7 * FINER) < 2 * FINER)[:, None], NO_DATA_LINE, NO_DATA)
    for limit in scale.limits:
        if limit is not None:
            paint[_contour(seen.values, limit)] = INK
    return shade * paint


def _contour(values: Image, limit: float) -> NDArray[np.bool_]:
    """Return where the values, smoothed over 5 x 5 pixels, cross a limit: a line four fine pixels wide."""
    known = np.isfinite(values)
    smooth = summed(np.where(known, values - np.float32(limit), np.float32(0)), 2)
    over = smooth > 0
    line = np.zeros_like(known)
    for edge, on, beside in ((over, line, known), (over.T, line.T, known.T)):
        crossing = (edge[1:] != edge[:-1]) & beside[1:] & beside[:-1]
        on[1:] |= crossing
        on[:-1] |= crossing
    return (summed(line.astype(np.float32), 1) > 0) & known


def _edges(near_m: Image, there: NDArray[np.bool_], frame: Frame) -> Image:
    """Return how much darker pixels are beside which something nearer stands (eye-dome lighting; Boucheny 2009)."""
    scaled = np.where(there, near_m, np.float32(0)) * np.float32(1 / (14 * frame.pixel_m))
    scaled[~there] = -1e9
    dark = np.zeros_like(near_m)
    middle = scaled[3:-3, 3:-3] + np.float32(0.25)
    for down, right in NEIGHBOURS:
        rise = scaled[3 + down : scaled.shape[0] - 3 + down, 3 + right : scaled.shape[1] - 3 + right] - middle
        dark[3:-3, 3:-3] += np.clip(rise, 0, 1, out=rise)
    darker: Image = np.exp(np.float32(-0.14) * dark)
    return darker


def _spots(frame: Frame, dots: Dots, seen: Seen) -> tuple[Spot, ...]:
    """Return the points with the largest and the smallest value among those in front."""
    if dots.values is None:
        return ()
    known = np.flatnonzero(_in_front(frame, dots, seen) & np.isfinite(dots.values))
    if not len(known):
        return ()
    values = dots.values[known]
    chosen = known[[int(np.argmax(values)), int(np.argmin(values))]]
    pixel, _ = frame.place(dots.points[:, chosen])
    return tuple(
        Spot((at % frame.width + 0.5) / FINER, (at // frame.width + 0.5) / FINER, float(value))
        for at, value in zip(pixel.tolist(), dots.values[chosen], strict=True)
    )


def _reduced(rgb: Image, there: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Average FINER x FINER pixels to one with its alpha."""
    alpha = _halved(there.astype(np.float32))
    colour = _halved(rgb * there[..., None]) / np.maximum(alpha, 1)[..., None]
    return np.concatenate([colour, alpha[..., None] * (255 / FINER**2)], -1).round().astype(np.uint8)


def _halved(image: Image) -> Image:
    whole: Image = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    return whole
