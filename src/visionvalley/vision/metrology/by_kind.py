# SPDX-License-Identifier: Apache-2.0
"""Fits of elements whose kind is known only from their nominal."""

from __future__ import annotations

from typing import Any, cast

from visionvalley.core import Circle, Cylinder, Element, Sphere
from visionvalley.core.arrays import Floats
from visionvalley.vision.metrology import least_squares, minimum_zone, one_sided
from visionvalley.vision.metrology.extremes import Touching
from visionvalley.vision.metrology.fits import FREE, Fitted, Held

ROUND = (Circle, Cylinder, Sphere)


def fit_least_squares(points_m: Floats, like: Element, held: Held = FREE) -> Fitted[Any]:
    """Fit an element of the kind of another by least squares, see `least_squares.fit`."""
    return least_squares.fit(points_m, cast(Any, like), held)


def fit_zone(points_m: Floats, like: Element, held: Held = FREE) -> Touching[Any]:
    """Fit an element of the kind of another by the minimum zone, see `minimum_zone.fit`."""
    return minimum_zone.fit(points_m, cast(Any, like), held)


def fit_round(points_m: Floats, like: Circle | Cylinder | Sphere, held: Held = FREE, *, inside: bool) -> Touching[Any]:
    """Fit the largest inscribed or smallest circumscribed element, see `one_sided.fit_round`."""
    return one_sided.fit_round(points_m, cast(Any, like), held, inside=inside)
