# SPDX-License-Identifier: Apache-2.0
"""Evaluation of what a drawing asks: geometrical tolerances after ISO 1101:2017, sizes after ISO 14405-1.

The value of a geometrical tolerance is the width (or diameter) of the narrowest zone that holds the toleranced
feature, with the shape, orientation and place that the tolerance prescribes:

    form           nothing is prescribed                                    ISO 1101:2017, 17.2 to 17.5
    profile        symmetric about the nominal surface, placed by datums     17.6 to 17.9; ISO 1660:2017
    orientation    turned as the datums say, free to shift                   17.10 to 17.12
    location       turned and placed as the datums say                      17.13 to 17.15; ISO 5458:2018
    run-out        about the datum axis, free in radius                      17.16, 17.17

Motions that the datum system leaves free are used to make the value least; a note says how many. The toleranced
feature is the surface itself, filtered (see `filters`), or for an axis, a middle plane or a centre the extracted
median feature (see `features`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from visionvalley.core import BadInput
from visionvalley.vision.metrology.characteristics import Characteristic, Evaluated, Kind
from visionvalley.vision.metrology.dimensions import angle, distance
from visionvalley.vision.metrology.features import require_points
from visionvalley.vision.metrology.form import cylindricity, flatness, roundness, straightness
from visionvalley.vision.metrology.location import line_profile, location, orientation, surface_profile
from visionvalley.vision.metrology.run_out import circular_run_out, total_run_out
from visionvalley.vision.metrology.sizes import size
from visionvalley.vision.metrology.toleranced import Features


def evaluate(characteristic: Characteristic, features: Features) -> Evaluated:
    """Evaluate one requirement of a drawing on extracted features.

    features  by name: the toleranced ones and those of the datums; points and nominals in the part frame
    Raises BadInput for a feature that is missing, has too few points or is of a kind that the tolerance is not for,
    for a datum that is missing, and for section planes where they mean nothing.
    """
    wanted = [*characteristic.features, *(name for datum in characteristic.datums for name in datum.features)]
    missing = [name for name in wanted if name not in features]
    if missing or not characteristic.features:
        name = missing[0] if missing else "none"
        raise BadInput("metrology.feature_missing", feature=name, there=", ".join(features) or "none")
    for name in wanted:
        require_points(features[name])
    if characteristic.section is not None and characteristic.kind not in (Kind.STRAIGHTNESS, Kind.LINE_PROFILE):
        raise BadInput("metrology.section_not_taken", name=characteristic.name, feature=characteristic.features[0])
    some = {name: features[name] for name in dict.fromkeys(wanted)}
    return EVALUATIONS[characteristic.kind](characteristic, some)


EVALUATIONS: Mapping[Kind, Callable[[Characteristic, Features], Evaluated]] = MappingProxyType(
    {
        Kind.STRAIGHTNESS: straightness,
        Kind.FLATNESS: flatness,
        Kind.ROUNDNESS: roundness,
        Kind.CYLINDRICITY: cylindricity,
        Kind.LINE_PROFILE: line_profile,
        Kind.SURFACE_PROFILE: surface_profile,
        Kind.PARALLELISM: orientation,
        Kind.PERPENDICULARITY: orientation,
        Kind.ANGULARITY: orientation,
        Kind.POSITION: location,
        Kind.COAXIALITY: location,
        Kind.SYMMETRY: location,
        Kind.CIRCULAR_RUN_OUT: circular_run_out,
        Kind.TOTAL_RUN_OUT: total_run_out,
        Kind.SIZE: size,
        Kind.DISTANCE: distance,
        Kind.ANGLE: angle,
    }
)
