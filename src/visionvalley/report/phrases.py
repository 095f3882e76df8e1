# SPDX-License-Identifier: Apache-2.0
"""Phrases that the page and the terminal share, not escaped."""

from __future__ import annotations

from collections.abc import Iterable

from visionvalley.core import Measurement, Tolerance, Verdict
from visionvalley.report.markup import Words
from visionvalley.report.numbers import NO_VALUE, THIN, Unit, coverage_factors, plain, unit_for, write


def verdict_word(verdict: Verdict | None, words: Words) -> str:
    """Return the word of a verdict."""
    return words.plain("verdict_none" if verdict is None else f"verdict_{verdict.name.lower()}")


def verdict_reason(verdict: Verdict | None, words: Words) -> str:
    """Return the sentence that says what a verdict means."""
    return words.plain("why_none" if verdict is None else f"why_{verdict.name.lower()}")


def coverage(measurements: Iterable[Measurement], words: Words) -> str:
    """Return the sentence that names k, once."""
    every = list(measurements)
    factors = coverage_factors(every)
    sided = any("+" in write(one).spread for one in every)
    said = [words.plain("coverage_interval")] if sided else []
    if factors is not None:
        low, high = (plain(k, 3, words.language) for k in factors)
        one = low == high
        said.insert(0, words.plain("coverage_one", k=low) if one else words.plain("coverage_range", low=low, high=high))
    return " ".join(said)


def allowed(tolerance: Tolerance | None, words: Words, *, large: bool = False) -> str:
    """Return the values that a tolerance allows: 'at most 0.2 mm'."""
    if tolerance is None:
        return NO_VALUE
    lower, upper = tolerance.lower, tolerance.upper
    unit = unit_for(max(abs(one) for one in (lower, upper) if one is not None), tolerance.unit, large=large)
    low, high = ("" if one is None else _in_unit(one, unit, words.language, 5) for one in (lower, upper))
    if lower is None:
        return words.plain("at_most", upper=high)
    if upper is None:
        return words.plain("at_least", lower=low)
    return words.plain("between", lower=low.removesuffix(f"{THIN}{unit.name}"), upper=high)


def value(number: float, si_unit: str, language: str = "en", *, large: bool = False, digits: int = 5) -> str:
    """Return a number without an uncertainty, with its unit."""
    return _in_unit(number, unit_for(number, si_unit, large=large), language, digits)


def _in_unit(number: float, unit: Unit, language: str, digits: int) -> str:
    return f"{plain(number * unit.per_si + unit.offset, digits, language)}{THIN}{unit.name}".rstrip(THIN)
