# SPDX-License-Identifier: Apache-2.0
"""What an inspection is asked. Light to import: command line, recipe and form are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from visionvalley.core import check, setting


@dataclass(frozen=True, slots=True)
class Settings:
    """What an inspection is asked."""

    tolerance_m: float | None = setting(
        None, unit="m", low=1e-9, high=1e3, label="Tolerance",
        help="Whole width of the profile zone: a deviation may reach half of it (ISO 1101)",
    )  # fmt: skip
    alignment: str = setting(
        "zone", choices=("zone", "least-squares"), label="Alignment",
        help="zone: the largest deviation is made least, as a free profile zone asks; least-squares: their mean square",
    )  # fmt: skip
    noise_m: float | None = setting(
        None, unit="m", low=0.0, high=1.0, label="Sensor noise",
        help="Standard deviation of one point's noise; estimated from the scan where it is not given",
    )  # fmt: skip
    scale: float = setting(
        0.0, low=0.0, high=0.1, label="Scale uncertainty",
        help="Relative standard uncertainty of the sensor's scale, from its calibration",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """What a comparison of two scans is asked."""

    tolerance_m: float | None = setting(
        None, unit="m", low=1e-9, high=1e3, label="Allowed change",
        help="How far a surface may have moved, outwards or inwards; without it changes are shown, not judged",
    )  # fmt: skip
    radius_m: float | None = setting(
        None, unit="m", low=1e-9, high=1e3, label="Radius",
        help="Around a place, of the points that tell its change: larger sees smaller changes of larger regions; "
        "three point spacings where it is not given",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)
