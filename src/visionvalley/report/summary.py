# SPDX-License-Identifier: Apache-2.0
"""summary.html: many parts that were judged by the same characteristics, their capability and control charts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape as safe
from pathlib import Path
from urllib.parse import quote

import numpy as np

from visionvalley.core import BadInput, Feature, Report, Verdict
from visionvalley.io.atomic import written
from visionvalley.report.control import control_chart
from visionvalley.report.csv import write_csv
from visionvalley.report.dfq import write_dfq
from visionvalley.report.exchange import asked_of
from visionvalley.report.html import skeleton
from visionvalley.report.markup import CLASSES, Words, chip, pairs, section, sign, table, tag
from visionvalley.report.numbers import NO_VALUE, THIN, fixed, plain, unit_for, write
from visionvalley.report.protocols import Conditions
from visionvalley.report.qif import ZONES, write_qif
from visionvalley.report.symbols import frame
from visionvalley.vision.metrology.capability import LEAST_PARTS, Capability, capability
from visionvalley.vision.metrology.charts import Chart, control_charts
from visionvalley.vision.metrology.decision import overall


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One of many parts: the folder of its results, its scan, and its result, or why there is none."""

    folder: str
    scan: str
    result: tuple[Report, Conditions] | None
    error: BadInput | None


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """The values of one characteristic over the parts that have it, in their order."""

    asked: Feature
    names: list[str]
    features: list[Feature]

    @property
    def values(self) -> list[float]:
        return [one.measured.value for one in self.features]

    @property
    def bounded(self) -> bool:
        return self.asked.kind in ZONES or self.asked.kind == "profile of a line"


def whole_verdict(parts: Sequence[Judged]) -> Verdict | None:
    """Return the verdict on all parts: fail where one fails, cannot say where one cannot be judged."""
    verdicts = (one.result[0].verdict for one in parts if one.result is not None)
    return overall(verdicts, missing=any(one.error is not None for one in parts))


def counted(parts: Sequence[Judged]) -> tuple[dict[Verdict, int], int]:
    """Return how many parts have each verdict, and how many could not be inspected."""
    verdicts = [one.result[0].verdict for one in parts if one.result is not None]
    return {one: verdicts.count(one) for one in Verdict}, sum(one.error is not None for one in parts)


def write_summary(folder: Path, parts: Sequence[Judged], language: str = "en") -> None:
    """Write the page, and all values as CSV, DFQ and QIF, into the folder that holds the parts' folders."""
    results = [one.result for one in parts if one.result is not None]
    with written(folder / "summary.html") as file:
        file.write(page(parts, language).encode("utf-8"))
    if results:
        write_csv(folder / "results.csv", results)
        write_dfq(folder / "results.dfq", folder.absolute().name, results)
        write_qif(folder / "results.qif", results)


def page(parts: Sequence[Judged], language: str = "en") -> str:
    """Return the whole page."""
    words = Words(language)
    series = list(_series(parts))
    body = _answer(parts, words) + _parts(parts, words) + _capability(series, words) + _charts(series, words)
    return skeleton(words.plain("summary"), body, words)


def _series(parts: Sequence[Judged]) -> Iterator[_Series]:
    results = [(one, one.result) for one in parts if one.result is not None]
    for name, asked in asked_of([result for _, result in results]).items():
        found = [(part.folder, one) for part, (report, _) in results for one in report.features if one.name == name]
        yield _Series(asked, [part for part, _ in found], [one for _, one in found])


def _answer(parts: Sequence[Judged], words: Words) -> str:
    verdict = whole_verdict(parts)
    counts, failed = counted(parts)
    told = [(words.verdict(one), str(count)) for one, count in counts.items()]
    told += [(words("not_inspected"), str(failed))] if failed else []
    said = tag("div", tag("strong", words.verdict(verdict)), tag("p", words("summary_lead", count=len(parts))))
    simulated = any(one.result is not None and one.result[0].simulated for one in parts)
    banner = tag("p", words("simulated_long"), class_="banner") if simulated else ""
    head = tag("div", tag("h1", words("summary")), class_="headline")
    mark = tag("div", sign(verdict), said, class_=f"verdict {CLASSES[verdict]}")
    return tag("section", head, mark, banner, tag("div", pairs(told), class_="under"), id="answer")


def _parts(parts: Sequence[Judged], words: Words) -> str:
    """Return each part with its verdict, what failed or was unsure, and the way to its report."""
    rows = []
    for one in parts:
        link = tag("a", safe(one.scan), href=f"{quote(one.folder)}/report.html")
        if one.result is None:
            why = one.error.render(words.language)[0] if one.error else ""
            rows.append((safe(one.scan), tag("span", words("not_inspected"), class_="chip fail"), safe(why)))
            continue
        report, _ = one.result
        open_ = [f for f in report.features if f.verdict in (Verdict.FAIL, Verdict.CANNOT_SAY)]
        told = "<br>".join(f"{words.name(f.name)}: {safe(str(write(f.measured, words.language)))}" for f in open_)
        rows.append((link, chip(report.verdict, words), told))
    heads = (words("part"), words("verdict"), words("not_passed"))
    return section("parts", words("parts"), table(heads, rows, classes=("", "", "wrap")))


def _capability(series: Sequence[_Series], words: Words) -> str:
    """Return mean, spread and indices of each characteristic, each index with its confidence interval."""
    if not series:
        return ""
    heads = tuple(words(one) for one in ("feature", "asked", "count", "mean_value", "spread", "indices"))
    rows = [_indices(one, words) for one in series]
    few = max(len(one.values) for one in series) < LEAST_PARTS
    lead = words("capability_few", least=LEAST_PARTS) if few else words("capability_lead")
    classes = ("", "", "n", "n", "n", "n")
    return section("capability", words("capability"), table(heads, rows, classes=classes), lead=lead)


def _indices(one: _Series, words: Words) -> tuple[str, ...]:
    values = np.array(one.values)
    unit = unit_for(float(np.abs(values).max()), one.asked.measured.unit)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    mean = f"{plain(float(values.mean()) * unit.per_si, 6, words.language)}{THIN}{unit.name}"
    spread = f"{plain(deviation * unit.per_si, 3, words.language)}{THIN}{unit.name}" if len(values) > 1 else NO_VALUE
    found = _capable(one)
    told = NO_VALUE
    if found is not None:
        told = "<br>".join(
            f"{safe(index.name)} {fixed(index.value, 2, words.language)} "
            f"({fixed(index.interval_95[0], 2, words.language)}…{fixed(index.interval_95[1], 2, words.language)})"
            for index in found.indices
        )
    return words.name(one.asked.name), frame(one.asked, words), str(len(values)), mean, spread, told


def _capable(one: _Series) -> Capability | None:
    """Return the capability, None where too few parts or no limits are there, or all values are the same."""
    if one.asked.tolerance is None:
        return None
    u = math.sqrt(float(np.mean([each.measured.standard_uncertainty**2 for each in one.features])))
    try:
        return capability(np.array(one.values), one.asked.tolerance, bounded=one.bounded, standard_uncertainty=u)
    except BadInput:
        return None


def _charts(series: Sequence[_Series], words: Words) -> str:
    drawn = []
    for one in series:
        try:
            charts = control_charts(np.array(one.values), unit=one.asked.measured.unit)
        except BadInput:
            continue
        heading = tag("h3", frame(one.asked, words), " ", tag("span", words.name(one.asked.name)))
        figures = [control_chart(chart, one.names, words) for chart in charts]
        drawn.append(tag("article", heading, *figures, _signals(charts, one, words), class_="characteristic"))
    return section("charts", words("charts"), *drawn, lead=words("charts_lead")) if drawn else ""


def _signals(charts: tuple[Chart, Chart], one: _Series, words: Words) -> str:
    """Return in words which patterns signal, and where."""
    told = []
    for chart in charts:
        shift = len(one.names) - len(chart.points)
        told += [
            words(f"signal_{signal.rule}", part=one.names[signal.at + shift], name=words.plain_name(chart.name).lower())
            for signal in chart.signals
        ]
    if not told:
        return tag("p", words("no_signals"), class_="small")
    return tag("ul", *(tag("li", each) for each in told), class_="notes")
