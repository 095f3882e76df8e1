# SPDX-License-Identifier: Apache-2.0
"""The section on the alignment: did it converge, how well is it known, in which directions not at all."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape as safe
from typing import Any

import numpy as np

from visionvalley.core.arrays import Floats
from visionvalley.report.markup import chip_of, pairs, section, table, tag
from visionvalley.report.numbers import THIN, fixed, plain, unit_for
from visionvalley.report.page import Page

AXES = ("x", "y", "z")


def alignment(page: Page) -> str:
    """Return the section from facts["alignment"]; nothing where there was none.

    Read are: criterion, part_from_scan (4 x 4), covariance (6 x 6, rotation in rad and shift in m), weak_motions,
    rounds, converged, rms_m, largest_m, points_used; what is missing is left out.
    """
    known = page.facts("alignment")
    if not known:
        return ""
    words = page.words
    blocks = [pairs(summary(page, known))]
    covariance = _matrix(known.get("covariance"), 6)
    if covariance is not None:
        blocks.append(tag("div", tag("div", _sigmas(page, covariance)), tag("div", _pose(page, known)), class_="split"))
        blocks.append(_covariance(page, covariance))
    else:
        blocks.append(_pose(page, known))
    return section("alignment", words("alignment"), *blocks, lead=words("alignment_lead"))


def summary(page: Page, known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return whether it converged, what it could not determine, and how well it fits: names and values, escaped."""
    words, rows = page.words, []
    if "converged" in known:
        settled = bool(known["converged"])
        rows.append((words("converged"), chip_of("pass" if settled else "fail", words("yes" if settled else "no"))))
    weak = known.get("weak_motions")
    if isinstance(weak, list | tuple):
        said = "<br>".join(safe(str(one)) for one in weak) if weak else words("weak_none")
        rows.append((words("weak"), chip_of("unsure", said) if weak else said))
    if "criterion" in known:
        rows.append((words("criterion"), words.name(str(known["criterion"]))))
    for name in ("rms", "largest"):
        value = known.get(f"{name}_m")
        if isinstance(value, float):
            unit = unit_for(value, "m", large=page.large)
            rows.append((words(name), f"{plain(value * unit.per_si, 4, words.language)}{THIN}{unit.name}"))
    for name in ("points_used", "rounds"):
        if isinstance(known.get(name), int):
            rows.append((words(name), plain(known[name], 9, words.language)))
    return rows


def _matrix(rows: object, size: int) -> Floats | None:
    try:
        matrix = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        return None
    return matrix if matrix.shape == (size, size) else None


def _directions(page: Page) -> list[str]:
    return [page.words("turn_about", axis=axis) for axis in AXES] + [page.words("shift", axis=axis) for axis in AXES]


def _sigmas(page: Page, covariance: Floats) -> str:
    """Return the standard uncertainty of each turn (µrad) and shift, NaN and infinity as a dash."""
    words = page.words
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))
    rows = []
    for i, (name, value) in enumerate(zip(_directions(page), sigma.tolist(), strict=True)):
        unit = unit_for(value, "m", large=page.large)
        told = f"{fixed(value * 1e6, 2, words.language)}{THIN}µrad" if i < 3 else ""
        rows.append((name, told or f"{plain(value * unit.per_si, 3, words.language)}{THIN}{unit.name}"))
    return tag("h3", words("sigma")) + table((words("direction"), "u"), rows)


def _pose(page: Page, known: Mapping[str, Any]) -> str:
    matrix = _matrix(known.get("part_from_scan"), 4)
    if matrix is None:
        return ""
    language = page.words.language
    rows = [
        ("", *(fixed(part, 6, language) for part in row[:3]), fixed(row[3] * 1e3, 4, language))
        for row in matrix[:3].tolist()
    ]
    return tag("h3", page.words("pose")) + tag("div", table((), rows), class_="matrix")


def _covariance(page: Page, covariance: Floats) -> str:
    sigma = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    heads = ["ω" + axis for axis in AXES] + ["t" + axis for axis in AXES]
    language = page.words.language
    values = [(name, *(_short(value) for value in row)) for name, row in zip(heads, covariance.tolist(), strict=True)]
    related = (covariance / np.outer(sigma, sigma)).tolist()
    shares = [(name, *(fixed(value, 2, language) for value in row)) for name, row in zip(heads, related, strict=True)]
    both = [
        tag("div", table(("", *heads), rows, caption=page.words(caption)), class_="matrix")
        for rows, caption in ((values, "covariance"), (shares, "correlation"))
    ]
    return tag("details", tag("summary", page.words("how_related")), tag("div", *both, class_="matrices"), open=True)


def _short(value: float) -> str:
    return f"{value:.2e}".replace("-", "\u2212") if np.isfinite(value) else "–"
