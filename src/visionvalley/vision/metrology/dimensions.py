# SPDX-License-Identifier: Apache-2.0
"""Distances and angles between features: dimensions that are no sizes (ISO 14405-2:2018, ISO 14405-3:2016)."""

from __future__ import annotations

import math

import numpy as np

from visionvalley.core import BadInput, Plane, Slot, text
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology.by_kind import fit_least_squares
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Extracted
from visionvalley.vision.metrology.fits import PARAMETERS, frame
from visionvalley.vision.metrology.toleranced import Features, added


def distance(c: Characteristic, features: Features) -> Evaluated:
    """Evaluate a distance that is no size: from the least-squares element of the first feature to the second's place.

    The place of a plane is the mean of its points, of an axis its middle over the feature, else the centre. ISO
    14405-2:2018, 4: such a dimension is ambiguous, so the definition is said in a note.
    """
    if len(c.features) != 2:
        raise BadInput("metrology.two_features", name=c.name, got=len(c.features))
    first, second = (features[name] for name in c.features)
    fitted = fit_least_squares(first.points_m, first.nominal)
    place, back = _place(second)
    element = fitted.element
    u, v, w = axes = frame(element)
    off = place - element.point_m
    if isinstance(element, Plane):
        along = w
    elif hasattr(element, "direction") and not isinstance(element, Slot):
        along = off - float((off * w).sum()) * w
    else:
        along = off
    long = math.sqrt(float((along * along).sum()))
    if not long > 0:
        raise BadInput("metrology.no_distance", name=c.name)
    along = along / long
    value = float((off * along).sum())
    sign = 1.0 if value > 0 else -1.0
    names = PARAMETERS[type(element)]
    turned = {"tilt u": u, "tilt v": v}
    own = np.zeros_like(first.points_m)
    for name, influence in zip(names, fitted.influence, strict=True):
        if name.startswith("shift"):
            own -= float((along * axes["uvw".index(name[-1])]).sum()) * influence
        elif name in turned and isinstance(element, Plane):
            own += float((off * turned[name]).sum()) * influence
        elif name in turned and hasattr(element, "direction"):
            own -= float((off * w).sum()) * float((along * turned[name]).sum()) * influence
    sensitivity = {first.name: sign * own}
    added(sensitivity, {second.name: sign * back(along)})
    return Evaluated(abs(value), abs(value), "m", sensitivity, notes=(text("metrology.distance"),))


def _place(feature: Extracted):  # type: ignore[no-untyped-def]  # noqa: ANN202
    if isinstance(feature.nominal, Plane):
        count = len(feature.points_m)
        return feature.points_m.mean(axis=0), lambda along: np.tile(along / count, (count, 1))
    fitted = fit_least_squares(feature.points_m, feature.nominal)
    element = fitted.element
    axes = frame(element)
    names = PARAMETERS[type(element)]

    def back(along: Floats) -> Floats:
        out = np.zeros_like(feature.points_m)
        for name, influence in zip(names, fitted.influence, strict=True):
            if name.startswith("shift"):
                out += float((along * axes["uvw".index(name[-1])]).sum()) * influence
        if "shift w" not in names:  # the middle of an axis is beside the mean of the points
            out += float((along * axes[2]).sum()) / len(out) * axes[2]
        return out

    return element.point_m, back


def angle(c: Characteristic, features: Features) -> Evaluated:
    """Evaluate the angle between the least-squares directions of two features, or the whole angle of a cone."""
    own = [features[name] for name in c.features]
    fits = [fit_least_squares(f.points_m, f.nominal) for f in own]
    if len(own) == 1 and hasattr(fits[0].element, "half_angle_rad"):
        by = fits[0].influence[PARAMETERS[type(fits[0].element)].index("second size")]
        value = 2 * float(fits[0].element.half_angle_rad)
        return Evaluated(value, value, "rad", {own[0].name: 2 * by}, elements={own[0].name: fits[0].element})
    if len(own) != 2:
        raise BadInput("metrology.two_features", name=c.name, got=len(own))
    for feature, fitted in zip(own, fits, strict=True):
        if "tilt u" not in PARAMETERS[type(fitted.element)]:
            got = type(feature.nominal).__name__.lower()
            raise BadInput("metrology.wrong_feature", feature=feature.name, got=got, kind=c.kind.value)
    a, b = (frame(f.element)[2] for f in fits)
    mixed = isinstance(fits[0].element, Plane) != isinstance(fits[1].element, Plane)
    cosine = float((a * b).sum())
    sine = math.sqrt(float((np.cross(a, b) ** 2).sum()))
    value = math.atan2(sine, cosine)
    wanted = c.nominal
    if wanted is not None and abs(math.pi - value - wanted) < abs(value - wanted):
        value, b = math.pi - value, -b
    reach = -1.0 if not mixed else 1.0
    if mixed:
        value = abs(math.pi / 2 - math.atan2(sine, abs(cosine)))
        b = b if cosine >= 0 else -b
    sensitivity: dict[str, Floats] = {}
    for feature, fitted, one, other in ((own[0], fits[0], a, b), (own[1], fits[1], b, a)):
        across = other - float((other * one).sum()) * one
        size_ = max(math.sqrt(float((across * across).sum())), 1e-300)
        u, v, w = frame(fitted.element)
        flip = 1.0 if float((w * one).sum()) > 0 else -1.0
        names = PARAMETERS[type(fitted.element)]
        by_u, by_v = (fitted.influence[names.index(n)] for n in ("tilt u", "tilt v"))
        pull = float((across * u).sum()) * by_u + float((across * v).sum()) * by_v
        added(sensitivity, {feature.name: reach * flip * pull / size_})
    elements = {f.name: fit.element for f, fit in zip(own, fits, strict=True)}
    return Evaluated(value, value, "rad", sensitivity, elements=elements)
