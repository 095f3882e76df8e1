# SPDX-License-Identifier: Apache-2.0
"""Lengths as people write them: 0.2mm, 50um, 1.5in; millimetres where no unit stands."""

from __future__ import annotations

import math
import re

from visionvalley.core import BadInput

METRES = {"nm": 1e-9, "um": 1e-6, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254, "ft": 0.3048}


def metres(written: str) -> float:
    """Return a written length in metres."""
    match = re.fullmatch(r"\s*([-+0-9.eE]+)\s*([a-zµ]*)\s*", written)
    try:
        value = float(match[1]) if match else math.nan
    except ValueError:
        value = math.nan
    unit = METRES.get((match[2] if match else "") or "mm")
    if unit is None or not math.isfinite(value):
        raise BadInput("cli.bad_length", written=written, units=", ".join(METRES))
    return value * unit
