# SPDX-License-Identifier: Apache-2.0
"""Numbers as people read them: value ± expanded uncertainty, rounded to what is known, in a fitting unit.

The uncertainty is given to two significant digits and the value to the same decimal place (JCGM 100:2008, 7.2.6);
parts are told in millimetres (µm below 0.1 mm), rooms and roads in metres.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from visionvalley.core import Measurement

THIN = "\u202f"
MINUS = "\u2212"
NO_VALUE = "\u2013"
DECIMAL_SIGN = {"en": ".", "zh": ".", "ja": ".", "ko": ".", "he": ".", "hi": ".", "th": "."}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit on paper: `name`, how many of it make one SI unit, and what is added after that (°C)."""

    name: str
    per_si: float = 1.0
    offset: float = 0.0


MILLIMETRE, MICROMETRE, METRE = Unit("mm", 1e3), Unit("µm", 1e6), Unit("m")
AREAS = (Unit("mm²", 1e6), Unit("cm²", 1e4), Unit("m²"))
VOLUMES = (Unit("mm³", 1e9), Unit("cm³", 1e6), Unit("m³"))
OTHERS = {
    "rad": Unit("°", 180 / math.pi),
    "K": Unit("°C", 1.0, -273.15),
    "1": Unit(""),
    "": Unit(""),
    "s": Unit("s"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A measurement in words: `value`, `spread` ('± 2.1', '+ 3.0 − 1.2' or empty) and `unit`."""

    value: str
    spread: str
    unit: str

    def without_spread(self) -> str:
        """Return value and unit alone, rounded as they are known."""
        return str(Written(self.value, "", self.unit))

    def __str__(self) -> str:
        degree = self.unit == "°"
        parts = (self.value, self.spread) if degree else (self.value, self.spread, self.unit)
        return " ".join(part for part in parts if part) + (self.unit if degree else "")


def unit_for(value: float, si_unit: str, *, large: bool = False) -> Unit:
    """Return the unit in which a person reads a value of an SI unit; `large`: of a room or a road."""
    size = abs(value)
    if si_unit == "m":
        if large:
            return METRE
        return MICROMETRE if 0 < size < 0.1e-3 * (1 - 1e-9) else MILLIMETRE
    if si_unit == "m2":
        return AREAS[0] if size < 1e-2 else AREAS[2]
    if si_unit == "m3":
        return VOLUMES[0] if size < 1e-6 else VOLUMES[1] if size < 0.1 else VOLUMES[2]
    return OTHERS.get(si_unit, Unit(si_unit))


def write(measured: Measurement, language: str = "en", *, large: bool = False, unit: Unit | None = None) -> Written:
    """Return a measurement as value ± expanded uncertainty; the interval's two sides where they differ."""
    size = max(abs(measured.value), *(abs(side - measured.value) for side in measured.interval_95))
    unit = unit or unit_for(size, measured.unit, large=large)
    value = measured.value * unit.per_si + unit.offset
    low, high = (side * unit.per_si + unit.offset for side in measured.interval_95)
    below, above = value - low, high - value
    spread = max(below, above)
    if not spread > 0:
        return Written(plain(value, 6, language), "", unit.name)
    places = decimals_of(spread)
    number = fixed(value, places, language)
    if abs(below - above) <= 0.02 * spread:
        return Written(number, f"± {fixed((below + above) / 2, places, language)}", unit.name)
    sides = f"+{THIN}{fixed(above, places, language)} {MINUS}{THIN}{fixed(below, places, language)}"
    return Written(number, sides, unit.name)


def decimals_of(uncertainty: float, digits: int = 2) -> int:
    """Return how many decimals give an uncertainty to so many significant digits; negative: tens, hundreds..."""
    exponent = math.floor(math.log10(uncertainty))
    rounded = Decimal(repr(float(uncertainty))).quantize(Decimal(1).scaleb(exponent - digits + 1), ROUND_HALF_UP)
    return digits - 1 - rounded.adjusted()


def fixed(value: float, decimals: int, language: str = "en") -> str:
    """Return a number with so many decimals, thin spaces between thousands, a true minus, never '−0.00'."""
    if not math.isfinite(value):
        return NO_VALUE
    rounding = ROUND_HALF_EVEN
    number = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding)
    whole, _, rest = f"{abs(number):f}".partition(".")
    sign = MINUS if number < 0 and number != 0 else ""
    body = _grouped(whole) + (DECIMAL_SIGN.get(language, ",") + rest if rest else "")
    return sign + body


def plain(value: float, digits: int = 4, language: str = "en") -> str:
    """Return a number to so many significant digits, without trailing zeros."""
    if not math.isfinite(value):
        return NO_VALUE
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if float(value).is_integer() and abs(value) < 1e15:
        return fixed(value, 0, language)
    if not -5 <= exponent < 12:
        mantissa = plain(value / 10.0**exponent, digits, language)
        return f"{mantissa}{THIN}×{THIN}10{superscript(exponent)}"
    text = fixed(value, max(0, digits - 1 - exponent), language)
    sign = DECIMAL_SIGN.get(language, ",")
    return text.rstrip("0").rstrip(sign) if sign in text else text


def length(value_m: float, digits: int = 3, language: str = "en", *, large: bool = False) -> str:
    """Return a length without uncertainty (a limit, a setting), with its unit."""
    unit = unit_for(value_m, "m", large=large)
    return f"{plain(value_m * unit.per_si, digits, language)} {unit.name}"


def superscript(number: int) -> str:
    """Return an exponent in raised digits."""
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def coverage_factors(measurements: Iterable[Measurement]) -> tuple[float, float] | None:
    """Return the smallest and largest k of the symmetric intervals, to be named once on a page; None: none has one."""
    factors = []
    for one in measurements:
        low, high = one.interval_95
        below, above = one.value - low, high - one.value
        if one.standard_uncertainty > 0 and abs(below - above) <= 0.02 * max(below, above):
            factors.append((above + below) / 2 / one.standard_uncertainty)
    return (min(factors), max(factors)) if factors else None


def _grouped(digits: str) -> str:
    """Put thin spaces between thousands, from five digits on."""
    if len(digits) < 5:
        return digits
    head = len(digits) % 3
    groups = ([digits[:head]] if head else []) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return THIN.join(groups)
