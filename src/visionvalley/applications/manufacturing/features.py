# SPDX-License-Identifier: Apache-2.0
"""The features of a part in its aligned scan: extracted, evaluated as the recipe asks, judged, and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visionvalley.applications.manufacturing.inspection import Aligned, Inspection, Judged, laid, not_measured
from visionvalley.applications.manufacturing.recipe import By, Looked, Recipe
from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import (
    BadInput,
    Circle,
    Cloud,
    Colouring,
    Cylinder,
    Element,
    Feature,
    Mesh,
    Part,
    Plane,
    Progress,
    Scene,
    SensorNoise,
    Slot,
    Sphere,
    Text,
    Thing,
    Tolerance,
)
from visionvalley.core.arrays import Floats
from visionvalley.vision.geometry.symmetric import gram
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted, Kind
from visionvalley.vision.metrology.constructions import Made, construct, leaves, taken_back
from visionvalley.vision.metrology.datums import DatumSystem, lay
from visionvalley.vision.metrology.extraction import Associated, associate, counted, extracted
from visionvalley.vision.metrology.regions import inside
from visionvalley.vision.metrology.surfaces import distances
from visionvalley.vision.metrology.tolerances import evaluate
from visionvalley.vision.metrology.uncertainty import measured
from visionvalley.vision.shape.joining import names
from visionvalley.vision.shape.subdivision import subdivided
from visionvalley.vision.shape.surfaces import SurfaceIndex

NEIGHBOURHOOD = 0.35  # of a feature's size, around it: what its picture shows besides
SIZES = {
    Cylinder: "diameter",
    Circle: "diameter",
    Sphere: "diameter",
    Plane: "width",
    Slot: "width",
}  # as a drawing calls them
SYMMETRIC = {Kind.FLATNESS, Kind.CYLINDRICITY, Kind.ROUNDNESS, Kind.STRAIGHTNESS, Kind.SURFACE_PROFILE}


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """The points of the scan, told apart by the part's faces."""

    part: Part
    recipe: Recipe
    points_m: Floats
    associated: Associated

    def feature(self, name: str) -> Extracted:
        """Return the points of a feature or face; raises BadInput where there are none, or it has no nominal."""
        numbers = {face: number for number, face in enumerate(names(self.part))}
        looked = next((one for one in self.recipe.features if one.name == name), None) or Looked(name, (name,))
        unknown = next((face for face in looked.faces if face not in numbers), None)
        if unknown is not None:
            raise BadInput("manufacturing.unknown_face", face=unknown, count=len(numbers))
        own = [numbers[face] for face in looked.faces]
        points = self.points_m
        chosen = np.isin(self.associated.face, own) if own else self.associated.nearest >= 0
        if looked.region is not None:
            chosen = chosen & inside(looked.region, points)
        nominal = looked.nominal or self._surface(own or self._most(chosen))
        if nominal is None:
            raise BadInput("manufacturing.no_nominal", feature=name)
        return extracted(name, nominal, points, chosen)

    def _surface(self, faces: list[int]) -> Element | None:
        return self.part.surfaces[faces[0]] if faces else None

    def _most(self, chosen: NDArray[np.bool_]) -> list[int]:
        """Return the face that most of the chosen points are on."""
        own = self.associated.nearest[chosen]
        return [int(np.bincount(own).argmax())] if len(own) else []


def lay_on_datums(values: Inspection, found: Aligned, surface: SurfaceIndex, settings: Settings) -> Aligned:
    """Move the scan to where the datums of the recipe's alignment put it; what they leave free stays as it was.

    The covariance of the pose is that of the datums, from the white noise of their points.
    """
    recipe = values.recipe
    if recipe is None or recipe.alignment.by is not By.DATUMS:
        return found
    extraction = _extraction(values, found)
    wanted = dict.fromkeys(name for datum in recipe.alignment.datums for name in datum.features)
    system = lay(recipe.alignment.datums, {name: extraction.feature(name) for name in wanted})
    pose = system.part_from_datum.inverse() @ found.fit.part_from_scan
    covariance = _covariance(system, found.deviations.noise_m)
    fit = replace(found.fit, part_from_scan=pose, covariance=covariance, criterion="datums")
    return laid(found.fit.part_from_scan.inverse().apply(found.points_m), surface, fit, found.around, settings)


def _covariance(system: DatumSystem, noise_m: float) -> Floats:
    """Return the covariance (6, 6) of a datum system's pose, from independent noise of its points."""
    answers = [system.back(torque) for torque in np.eye(6)]
    rows = [np.concatenate([one[name].ravel() for name in answers[0]]) for one in answers]
    return noise_m**2 * gram(np.stack(rows, axis=1))


def judge_features(values: Inspection, found: Aligned, settings: Settings, progress: Progress) -> Judged:
    """Evaluate and judge what the recipe asks, one characteristic after another."""
    extraction = _extraction(values, found)
    noise, besides = _noise(values, settings)
    features: list[Feature] = []
    missing: list[Text] = []
    points: dict[str, Extracted] = {}
    for asked in extraction.recipe.characteristics:
        try:
            made = _gathered(extraction, asked, points)
            features.append(_judged(extraction, asked, points, made, (noise, besides), values))
        except BadInput as error:
            missing.append(not_measured(asked.name, error))
        progress.advance()
    return Judged(tuple(features), tuple(missing), _facts(extraction, points))


def _gathered(extraction: Extraction, asked: Characteristic, points: dict[str, Extracted]) -> dict[str, Made]:
    """Extract what a characteristic needs into `points`, and construct what of it is made of other features."""
    constructions = extraction.recipe.made
    made = {}
    for name in (*asked.features, *(name for datum in asked.datums for name in datum.features)):
        for leaf in leaves(name, constructions):
            points[leaf] = points.get(leaf) or extraction.feature(leaf)
        if name in constructions:
            made[name] = construct(name, constructions, points)
    return made


def _extraction(values: Inspection, found: Aligned) -> Extraction:
    if values.part is None or values.recipe is None:
        raise BadInput("manufacturing.recipe_without_faces")
    noise_m, margin_m = found.deviations.noise_m, values.recipe.margin_m
    associated = associate(values.part, found.points_m, found.near, found.around, noise_m, margin_m)
    return Extraction(values.part, values.recipe, found.points_m, associated)


def _noise(values: Inspection, settings: Settings) -> tuple[SensorNoise | None, SensorNoise]:
    """Return the sensor's noise, and what else is known; None: its noise is estimated, feature by feature."""
    given = values.recipe.noise if values.recipe is not None else None
    if given is None:
        given = SensorNoise(white_m=settings.noise_m or 0.0, scale=settings.scale)
    known = replace(given, temperature=values.stated.uncertainty)
    return (known if known.white_m or known.correlated_m else None), known


def _judged(
    extraction: Extraction,
    asked: Characteristic,
    points: Mapping[str, Extracted],
    made: Mapping[str, Made],
    noise: tuple[SensorNoise | None, SensorNoise],
    values: Inspection,
) -> Feature:
    every = {**points, **{name: one.extracted for name, one in made.items()}}
    found, drawn = taken_back(evaluate(asked, every), made), values.seeds.noise
    feature = measured(asked, points, noise[0], besides=noise[1], simulated=values.simulated, seed=drawn, found=found)
    shown = tuple(leaf for name in asked.features for leaf in leaves(name, extraction.recipe.made))
    scene = _scene(extraction.part, replace(asked, features=shown), points, found)
    kind = SIZES.get(type(every[asked.features[0]].nominal), feature.kind) if asked.kind is Kind.SIZE else feature.kind
    return replace(feature, kind=kind, datums=extraction.recipe.written(asked.datums), scene=scene)


def _facts(found: Extraction, points: Mapping[str, Extracted]) -> Mapping[str, object]:
    numbers = {face: number for number, face in enumerate(names(found.part))}
    about: dict[str, object] = {}
    for name, one in points.items():
        looked = next((each for each in found.recipe.features if each.name == name), None)
        faces = looked.faces if looked else (name,)
        counts = [counted(found.associated, numbers[face]) for face in faces]
        about[name] = {"points": len(one.points_m), "faces": list(faces)} | {
            key: sum(each[key] for each in counts) for key in ("near_edges", "turned_away", "stray")
        }
    return {
        "extracted": about,
        "point_spacing_m": found.associated.spacing_m,
        "edge_margin_m": float(found.associated.margin_m.max(initial=0.0)),
    }


# ---- pictures
def _scene(part: Part, asked: Characteristic, features: Mapping[str, Extracted], found: Evaluated) -> Scene:
    """Return the points of a characteristic's features, coloured by their deviation, on what lies around them, grey."""
    shown = [name for name in asked.features if name in features]
    points = np.concatenate([features[name].points_m for name in shown])
    values = np.concatenate([_deviation(found, features[name]) for name in shown])
    limits = None
    if asked.tolerance is not None and asked.kind in SYMMETRIC and asked.tolerance.upper is not None:
        limits = Tolerance(-asked.tolerance.upper / 2, asked.tolerance.upper / 2, "m")
    colouring = Colouring("deviation", values.astype(np.float32), "m", limits) if np.isfinite(values).any() else None
    things = (Thing("points", Cloud(points), colouring=colouring), Thing("part", _near(part, points)))
    return Scene(things, _up(features[shown[0]].nominal))


def _deviation(found: Evaluated, feature: Extracted) -> Floats:
    """Return what an evaluation coloured points by, else their distances from the nominal, out of the material."""
    values = found.deviation_m.get(feature.name)
    if values is not None:
        return values
    outwards = -1.0 if getattr(feature.nominal, "internal", False) else 1.0
    return outwards * distances(feature.nominal, feature.points_m)[0]


def _near(part: Part, points_m: Floats) -> Mesh:
    """Return the surface of a part in a box around points, cut finely enough that the box has no spikes."""
    low, high = points_m.min(axis=0), points_m.max(axis=0)
    room = NEIGHBOURHOOD * float(np.sqrt(((high - low) ** 2).sum()))
    near = _within(part.mesh, low - room, high + room)
    longest_m = float(np.ptp(near.vertices_m, axis=0).max(initial=0.0))
    while longest_m > room / 2 > 0:  # halved and cut in turn, so that a small hole in a large face stays cheap
        longest_m /= 2
        near = _within(subdivided(near, longest_m), low - room, high + room)
    return near


def _within(mesh: Mesh, low: Floats, high: Floats) -> Mesh:
    """Return the triangles of a surface that reach into a box."""
    corners = mesh.vertices_m[mesh.faces]
    kept = ((corners.max(axis=1) >= low) & (corners.min(axis=1) <= high)).all(axis=1)
    used, faces = np.unique(mesh.faces[kept], return_inverse=True)
    return Mesh(mesh.vertices_m[used], faces.reshape(-1, 3).astype(np.int32))


def _up(nominal: Element) -> tuple[float, float, float]:
    """Return the direction that a feature's picture shows upwards: a plane is seen from outside the material."""
    if isinstance(nominal, Plane):
        x, y, z = (float(v) for v in nominal.normal)
        return (x, y, z)
    return (0.0, 0.0, 1.0)
