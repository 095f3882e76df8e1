# SPDX-License-Identifier: Apache-2.0
"""Settings: frozen dataclasses whose fields carry unit, bounds, label and help.

Command line, recipe and form are made from this metadata.

    @dataclass(frozen=True, slots=True)
    class Settings:
        tolerance_m: float = setting(100e-6, unit="m", low=0, label="Tolerance", help="Whole width of the zone")
        def __post_init__(self) -> None: check(self)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import Field, field, fields
from typing import Any

from visionvalley.core.errors import BadInput


def setting(
    default: Any,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Iterable[str] = (),
    label: str,
    help: str,
) -> Any:
    """Return a dataclass field with its default and what a person must know of it.

    low, high  inclusive bounds, in `unit`
    choices    the words that are allowed
    """
    metadata = {"unit": unit, "low": low, "high": high, "choices": tuple(choices), "label": label, "help": help}
    return field(default=default, metadata=metadata)


def check(settings: Any) -> None:
    """Raise BadInput for the first field that is out of its bounds or not one of its choices."""
    for one in fields(settings):
        _check_field(one, getattr(settings, one.name))


def _check_field(one: Field[Any], value: Any) -> None:
    about = one.metadata
    if value is None or not about:
        return
    if about["choices"] and value not in about["choices"]:
        raise BadInput("core.setting_choice", name=one.name, value=value, choices=", ".join(about["choices"]))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    low = -math.inf if about["low"] is None else about["low"]
    high = math.inf if about["high"] is None else about["high"]
    if not low <= value <= high:
        unit = f" {about['unit']}" if about["unit"] else ""
        raise BadInput("core.setting_bounds", name=one.name, value=f"{value:g}{unit}", low=low, high=high)
