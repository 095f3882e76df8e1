# SPDX-License-Identifier: Apache-2.0
"""Lengths as people write them: 0.2mm, 50um, 1.5in; millimetres where no unit stands."""

from __future__ import annotations

import math
import re

from visionvalley.core import BadInput

WRITTEN = re.compile(r"\s*([-+0-9.eE]+)\s*([a-zµμ-]*)\s*")  # both of Unicode's micro signs


def metres(written: str) -> float:
    """Return a written length in metres; the units are those of files."""
    from visionvalley.io import units

    match = WRITTEN.fullmatch(written)
    try:
        value = float(match[1]) * units.METRES[units.known(match[2] or "mm")] if match else math.nan
    except (ValueError, BadInput):
        value = math.nan
    if not math.isfinite(value):
        raise BadInput("cli.bad_length", written=written, units=", ".join(units.METRES))
    return value
