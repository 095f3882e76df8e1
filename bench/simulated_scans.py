# SPDX-License-Identifier: Apache-2.0
"""Features with planted form errors, scanned by a sensor of known noise: analytic, so that thousands are quick."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from visionvalley.core import Circle, Cone, Cylinder, Element, Line, Plane, SensorNoise, Slot, Sphere, Tolerance
from visionvalley.vision.metrology.characteristics import (
    Association,
    Characteristic,
    DatumReference,
    Extracted,
    Kind,
    Material,
    SizeCriterion,
)
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.simulation.noise import correlated_field

NOISES = {
    "white": SensorNoise(white_m=10e-6),
    "correlated": SensorNoise(white_m=8e-6, correlated_m=5e-6, correlation_length_m=0.012),
    "scale": SensorNoise(white_m=8e-6, correlated_m=2e-6, correlation_length_m=0.03, scale=4e-4),
}
DENSITIES = (300, 1000, 3000)
FORMS = {"perfect": (0.1e-6, 1e-6), "slight": (1e-6, 8e-6), "large": (8e-6, 25e-6)}  # peak to valley, m
SCANS_A_PART = 5
Z, X = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
PLACED = np.array([0.03, 0.02, 0.0])


@dataclass(frozen=True)
class Cell:
    """One cell of the table: what is measured, of how many points a feature, under which noise."""

    what: str
    points: int
    noise: str

    @property
    def name(self) -> str:
        return f"{self.what}/{self.points}/{self.noise}"

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode())


ELEMENTS: dict[str, Element] = {
    "plane": Plane(np.zeros(3), Z),
    "top": Plane(np.array([0, 0, 0.02]), Z),
    "bottom": Plane(np.zeros(3), -Z),
    "side": Plane(np.array([-0.05, 0, 0.01]), -X),
    "front": Plane(np.array([0, -0.03, 0.01]), np.array([0, -1.0, 0])),
    "tilted": Plane(np.array([0.05, 0, 0.01]), np.array([np.cos(np.pi / 6), 0, np.sin(np.pi / 6)])),
    "line": Line(np.zeros(3), X),
    "circle": Circle(PLACED, Z, 0.01),
    "sphere": Sphere(PLACED + 0.02 * Z, 0.0125),
    "cylinder": Cylinder(PLACED + 0.02 * Z, Z, 0.01),
    "shaft": Cylinder(PLACED + 0.06 * Z, Z, 0.008),
    "bore": Cylinder(PLACED + 0.02 * Z, Z, 0.012, internal=True),
    "hole": Cylinder(np.array([-0.02, 0, 0.01]), Z, 0.006, internal=True),
    "cone": Cone(PLACED + 0.02 * Z, Z, 0.01, np.pi / 8),
    "slot": Slot(np.zeros(3), Z, X, 0.012, 0.04),
}

AWAY_M = {"hole": np.array([60e-6, 45e-6, 0.0])}  # from where they should be


def sites(element: Element, count: int, random: np.random.Generator) -> np.ndarray:
    """Return points (about `count`, 3) spread evenly over an element, as a scan has them."""
    a, b = (np.arange(count) + 0.5) / count, (np.arange(count) * 0.6180339887498949 + random.random()) % 1.0
    a = a + random.uniform(-0.3, 0.3, count) / count
    around = 2 * np.pi * b
    if isinstance(element, Plane):
        sides = (0.1, 0.06) if abs(element.normal[2]) > 0.9 else (0.06, 0.018)
        u = np.cross(element.normal, Z) if abs(element.normal[2]) < 0.9 else X
        u = u / np.linalg.norm(u)
        v = np.cross(element.normal, u)
        return element.point_m + (a - 0.5)[:, None] * sides[0] * u + (b - 0.5)[:, None] * sides[1] * v
    if isinstance(element, Line):
        return element.point_m + (a - 0.5)[:, None] * 0.08 * element.direction
    if isinstance(element, Circle):
        turn = 2 * np.pi * a
        return element.point_m + element.radius_m * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    if isinstance(element, Sphere):
        z = 2 * a - 1
        r = np.sqrt(1 - z * z)
        return element.point_m + element.radius_m * np.stack([r * np.cos(around), r * np.sin(around), z], axis=1)
    if isinstance(element, Slot):
        return _slot(element, a)
    z = (a - 0.5) * 0.03
    r = element.radius_m + (z * np.tan(element.half_angle_rad) if isinstance(element, Cone) else 0 * z)
    return element.point_m + np.stack([r * np.cos(around), r * np.sin(around), z], axis=1)


def _slot(slot: Slot, share: np.ndarray) -> np.ndarray:
    half, r = 0.5 * (slot.length_m - slot.width_m), 0.5 * slot.width_m
    at = share * (4 * half + 2 * np.pi * r)
    x, y = np.empty_like(at), np.empty_like(at)
    first, second, third = 2 * half, 2 * half + np.pi * r, 4 * half + np.pi * r
    for here, to in (
        (at < first, 0),
        ((at >= first) & (at < second), 1),
        ((at >= second) & (at < third), 2),
        (at >= third, 3),
    ):
        s = at[here]
        if to == 0:
            x[here], y[here] = s - half, -r
        elif to == 1:
            t = (s - first) / r - np.pi / 2
            x[here], y[here] = half + r * np.cos(t), r * np.sin(t)
        elif to == 2:
            x[here], y[here] = half - (s - second), r
        else:
            t = (s - third) / r + np.pi / 2
            x[here], y[here] = -half + r * np.cos(t), r * np.sin(t)
    return slot.point_m + np.stack([x, y, 0 * x], axis=1)


def planted(element: Element, points: np.ndarray, size_m: float, random: np.random.Generator) -> np.ndarray:
    """Return points with a smooth form error: waves of the feature's own extent, peak to valley about `size_m`."""
    middle, extent = points.mean(axis=0), np.ptp(points, axis=0).max()
    at = (points - middle) / extent
    error = np.zeros(len(points))
    for order in (2.5, 4.0, 6.0):
        wave = random.normal(size=3) * order
        error += np.sin(at @ wave + random.uniform(0, 2 * np.pi)) / order
    error *= size_m / np.ptp(error)
    normal = np.array(distances(element, points)[1]) if not isinstance(element, Line) else np.array([[0, 0, 1.0]])
    return points + error[:, None] * normal


def noisy(features: dict[str, Extracted], noise: SensorNoise, random: np.random.Generator) -> dict[str, Extracted]:
    """Return one scan of features: white, shared and scale errors, of all features together."""
    counts = np.cumsum([len(f.points_m) for f in features.values()])
    points = np.concatenate([f.points_m for f in features.values()])
    errors = noise.white_m * random.normal(size=points.shape)
    if noise.correlated_m > 0:
        fields = [correlated_field(points, noise.correlation_length_m, random) for _ in range(3)]
        errors += noise.correlated_m * np.stack(fields, axis=1)
    errors += noise.scale * random.normal() * (points - points.mean(axis=0))
    parts = np.split(points + errors, counts[:-1])
    return {name: replace(f, points_m=p) for (name, f), p in zip(features.items(), parts, strict=True)}


def form_of(part: int) -> str:
    """Return which form errors a part has: one after the other."""
    return tuple(FORMS)[part % len(FORMS)]


def features_of(cell: Cell, names: tuple[str, ...], part: int) -> dict[str, Extracted]:
    """Return the features of one of a cell's parts without noise: the truth."""
    random = np.random.default_rng([cell.seed, part])
    low, high = np.log(FORMS[form_of(part)])
    form_m = float(np.exp(random.uniform(low, high)))
    out = {}
    for name in names:
        element = ELEMENTS[name]
        points = planted(element, sites(element, cell.points, random), form_m, random) + AWAY_M.get(name, 0.0)
        out[name] = Extracted(name, element, points)
    return out


def _asked(kind: Kind, *features: str, datums: tuple[str, ...] = (), **more: object) -> Callable[[], Characteristic]:
    """Return what makes a characteristic, its datums by least squares."""
    references = tuple(DatumReference((name,), association=Association.LEAST_SQUARES) for name in datums)
    return lambda: Characteristic(kind.value, kind, features, datums=references, **more)  # type: ignore[arg-type]


def _touching(asked: Callable[[], Characteristic]) -> Callable[[], Characteristic]:
    """Return what makes the same with datums that touch, as ISO 5459 has it."""

    def made() -> Characteristic:
        c = asked()
        return replace(c, datums=tuple(replace(d, association=Association.MINIMUM_ZONE) for d in c.datums))

    return made


def _within_boundaries(own: Material, datum: Material) -> Callable[[], Characteristic]:
    """Return what makes the position of a hole to a bore, with or without material requirements."""
    bore_m = {Material.MAXIMUM: 0.024 - 100e-6, Material.LEAST: 0.024 + 100e-6, Material.NONE: None}[datum]
    bottom = DatumReference(("bottom",), association=Association.LEAST_SQUARES)
    bore = DatumReference(("bore",), datum, Association.LEAST_SQUARES, bore_m)
    size = {"diameter": True} if own is Material.NONE else {"material": own, "material_size_m": 0.012}
    return lambda: Characteristic("position", Kind.POSITION, ("hole",), datums=(bottom, bore), **size)  # type: ignore[arg-type]


ASKED: dict[str, Callable[[], Characteristic]] = {
    "straightness, line": _asked(Kind.STRAIGHTNESS, "line", diameter=True),
    "straightness, axis": _asked(Kind.STRAIGHTNESS, "cylinder", diameter=True),
    "flatness": _asked(Kind.FLATNESS, "plane"),
    "roundness": _asked(Kind.ROUNDNESS, "cylinder"),
    "cylindricity": _asked(Kind.CYLINDRICITY, "cylinder"),
    "profile of a line": _asked(Kind.LINE_PROFILE, "circle", datums=("bottom", "side", "front")),
    "profile of a surface": _asked(Kind.SURFACE_PROFILE, "sphere", datums=("bottom", "side", "front")),
    "parallelism": _asked(Kind.PARALLELISM, "top", datums=("bottom",)),
    "perpendicularity, plane": _asked(Kind.PERPENDICULARITY, "side", datums=("bottom",)),
    "perpendicularity, axis": _asked(Kind.PERPENDICULARITY, "cylinder", datums=("bottom",), diameter=True),
    "angularity": _asked(Kind.ANGULARITY, "tilted", datums=("bottom",)),
    "position, axis": _asked(Kind.POSITION, "cylinder", datums=("bottom", "side", "front"), diameter=True),
    "position, sphere": _asked(Kind.POSITION, "sphere", datums=("bottom", "side", "front"), diameter=True),
    "coaxiality": _asked(Kind.COAXIALITY, "shaft", datums=("cylinder",), diameter=True),
    "position (M)": _within_boundaries(Material.MAXIMUM, Material.NONE),
    "position, datum (M)": _within_boundaries(Material.NONE, Material.MAXIMUM),
    "position (M), datum (M)": _within_boundaries(Material.MAXIMUM, Material.MAXIMUM),
    "position (L), datum (L)": _within_boundaries(Material.LEAST, Material.LEAST),
    "symmetry": _asked(Kind.SYMMETRY, "slot", datums=("bottom", "side", "front")),
    "circular run-out": _asked(Kind.CIRCULAR_RUN_OUT, "shaft", datums=("cylinder",)),
    "total run-out": _asked(Kind.TOTAL_RUN_OUT, "shaft", datums=("cylinder",)),
    "size GG": _asked(Kind.SIZE, "cylinder", size=SizeCriterion.LEAST_SQUARES),
    "size LP": _asked(Kind.SIZE, "cylinder", tolerance=Tolerance(None, 0.03, "m")),
    "size GN": _asked(Kind.SIZE, "shaft", size=SizeCriterion.MINIMUM_CIRCUMSCRIBED),
    "size GX": _asked(Kind.SIZE, "cylinder", size=SizeCriterion.MAXIMUM_INSCRIBED),
    "distance": _asked(Kind.DISTANCE, "bottom", "top"),
    "angle": _asked(Kind.ANGLE, "bottom", "tilted"),
}
TOUCHING = {f"{what}, touching": _touching(asked) for what, asked in ASKED.items() if asked().datums}
CHARACTERISTICS = ASKED | TOUCHING
FITTED = ("line", "plane", "circle", "sphere", "cylinder", "cone", "slot")


def cells() -> Iterator[Cell]:
    """Yield every cell of the table."""
    for what in (*(f"fit of a {name}" for name in FITTED), *CHARACTERISTICS):
        for noise in NOISES:
            for points in DENSITIES:
                yield Cell(what, points, noise)
