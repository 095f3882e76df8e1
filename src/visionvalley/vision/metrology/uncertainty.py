# SPDX-License-Identifier: Apache-2.0
"""From extracted features to a judged characteristic: its value, how well it is known, and what follows.

The measurand is the characteristic of the whole filtered true surface (ISO 17450-1). Values that depend smoothly on the
points are taken as they are; their uncertainty is propagated, see `propagation`, and all its lines stand in `budget`.
Extreme values are corrected for what noise adds, see `bias`: the value
is the corrected one, what was seen stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from visionvalley.core import Contribution, Feature, Measurement, SensorNoise, Text, Verdict, text
from visionvalley.vision.metrology.bias import Corrected, Extreme, corrected, corrected_free, extreme_of
from visionvalley.vision.metrology.budget import budget_of, whole
from visionvalley.vision.metrology.characteristics import Association, Characteristic, Evaluated, Extracted
from visionvalley.vision.metrology.decision import judge
from visionvalley.vision.metrology.estimated_noise import Estimated, estimated
from visionvalley.vision.metrology.intervals import coverage_factor
from visionvalley.vision.metrology.propagation import sensed
from visionvalley.vision.metrology.tolerances import evaluate


def measured(
    characteristic: Characteristic,
    features: Mapping[str, Extracted],
    noise: SensorNoise | None = None,
    *,
    besides: SensorNoise = SensorNoise(),
    simulated: bool = False,
    seed: int = 0,
    found: Evaluated | None = None,
) -> Feature:
    """Evaluate a characteristic on extracted features, with its uncertainty, and judge it.

    noise  of the sensor; None: it is estimated from these points, see `estimated_noise`
    besides what is known of the sensor where its noise is estimated: scale, registration, temperature
    found  what `evaluate` returned of it, where that is known already
    seed   of the draws of noise for extreme values
    Raises BadInput where `evaluate` does.
    """
    found = evaluate(characteristic, features) if found is None else found
    used = {name: features[name] for name in found.sensitivity}
    estimate = Estimated(noise, math.inf) if noise is not None else estimated(used, besides)
    degrees = estimate.degrees
    points = sensed(used, estimate.noise)
    budget = budget_of(characteristic, found, used, points, given=noise is not None)
    beside: tuple[Measurement, ...] = ()
    extreme: tuple[Extreme, ...] = ()
    if budget.uncertainty > 0:
        extreme = extreme_of(found.extreme, replace(points, noise=budget.drawn), np.random.default_rng(seed))
    if not extreme:
        result = _plain(characteristic, found, budget.lines, degrees, simulated)
    else:
        result, beside = _extreme(
            characteristic,
            found,
            budget.lines,
            degrees,
            simulated,
            corrected(extreme) if found.bounded else corrected_free(extreme),
        )
    result = whole(result, budget, found.bounded)
    verdict = None
    if characteristic.tolerance is not None:
        verdict = judge(result, characteristic.tolerance, bounded=found.bounded)
    notes = (*found.notes, *_said(characteristic, noise, estimate.noise, bool(extreme)))
    return _feature(characteristic, result, verdict, notes, beside)


def _plain(
    c: Characteristic, found: Evaluated, budget: tuple[Contribution, ...], degrees: float, simulated: bool
) -> Measurement:
    u = math.sqrt(math.fsum(one.standard_uncertainty**2 for one in budget))
    half = coverage_factor(degrees) * u
    low = max(0.0, found.value - half) if found.bounded else found.value - half
    return Measurement(c.name, found.value, u, found.unit, (low, found.value + half), degrees, budget, simulated)


def _extreme(
    c: Characteristic,
    found: Evaluated,
    budget: tuple[Contribution, ...],
    degrees: float,
    simulated: bool,
    off: Corrected,
) -> tuple[Measurement, tuple[Measurement, ...]]:
    """Return the corrected value, and what was seen, filtered and raw."""
    widen, floor = coverage_factor(degrees) / coverage_factor(), 0.0 if found.bounded else -math.inf
    value = max(found.value - off.value, floor)
    low = max(value - widen * (off.low - off.value), floor)
    high = max(value + widen * (off.value - off.high), value)
    u = max(high - value, value - low) / coverage_factor(degrees)
    total = math.sqrt(math.fsum(one.standard_uncertainty**2 for one in budget))
    shares = tuple(replace(one, standard_uncertainty=u * one.standard_uncertainty / total) for one in budget)
    result = Measurement(c.name, value, u, found.unit, (low, high), degrees, shares, simulated)
    seen = Measurement(
        "filtered, with noise",
        found.value,
        off.noise,
        found.unit,
        (low, max(high, found.value)),
        degrees,
        simulated=simulated,
    )
    raw = Measurement(
        "raw", found.raw, off.noise, found.unit, (low, max(high, found.raw)), degrees, simulated=simulated
    )
    return result, (seen, raw)


def _said(c: Characteristic, given: SensorNoise | None, used: SensorNoise, corrected_: bool) -> list[Text]:
    said = []
    if any(one.association is not Association.LEAST_SQUARES for one in c.datums):
        said.append(text("metrology.datum_touches"))
    if given is None:
        white, shared, length = used.white_m * 1e6, used.correlated_m * 1e6, used.correlation_length_m * 1e3
        if shared > 0:
            said.append(text("metrology.noise_shared", noise_um=white, shared_um=shared, length_mm=length))
        else:
            said.append(text("metrology.noise_estimated", noise_um=white))
    if corrected_:
        said.append(text("metrology.bias_corrected"))
    return said


def _feature(
    c: Characteristic,
    result: Measurement,
    verdict: Verdict | None,
    notes: tuple[Text, ...],
    beside: tuple[Measurement, ...],
) -> Feature:
    datums = tuple("-".join(d.features) + (f"({d.material})" if d.material else "") for d in c.datums)
    return Feature(
        c.name,
        c.kind.value,
        result,
        c.tolerance,
        verdict,
        notes,
        c.nominal,
        datums,
        c.diameter,
        c.material.value,
        beside,
    )
