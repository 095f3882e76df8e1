# SPDX-License-Identifier: Apache-2.0
"""What a page is made of: the report, its run, its words, its pictures and its scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

import numpy as np

from visionvalley.core import Measurement, Report, Scene, Thing, render
from visionvalley.report.colours import Scale
from visionvalley.report.embed import LARGE_M, Embedded, bounds_of, embedded
from visionvalley.report.markup import Words
from visionvalley.report.numbers import Written, write
from visionvalley.report.pictures import Picture, pictures_of, pictures_of_features, scale_of
from visionvalley.report.protocols import Conditions
from visionvalley.report.scene import measured_thing
from visionvalley.report.thinning import thinned_scene
from visionvalley.report.views import corners


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """All that the sections draw from.

    part      the name of what was measured, not escaped
    title     of the report, escaped
    scale     of the colours, None where nothing is coloured
    feature_pictures, feature_scales  of the characteristics that have a scene, by their number
    measured  the thing with the measured points, None where there is none
    large     whether lengths are told in metres
    """

    report: Report
    conditions: Conditions
    words: Words
    part: str
    title: str
    date: str
    pictures: Mapping[str, Picture]
    feature_pictures: Mapping[int, Picture]
    feature_scales: Mapping[int, Scale]
    scale: Scale | None
    measured: Thing | None
    embedded: Embedded | None
    large: bool

    def written(self, measured: Measurement) -> Written:
        """Return a measurement as this page tells it."""
        return write(measured, self.words.language, large=self.large)

    def facts(self, name: str) -> Mapping[str, Any]:
        """Return one group of the facts; empty where the application gave none."""
        group = self.report.facts.get(name)
        return group if isinstance(group, Mapping) else {}


def page_of(
    report: Report, conditions: Conditions, language: str = "en", shown: Scene | None = None, map_name: str = "vik"
) -> Page:
    """Return what the page of a report needs, its pictures drawn; `shown`: the scene thinned for the screen."""
    words, scene = Words(language), report.scene
    pictures = pictures_of(scene, map_name)
    start = pictures["corner"].view if pictures else corners(scene)[0]
    low, high = bounds_of(scene)
    scenes = {number: one.scene for number, one in enumerate(report.features) if one.scene is not None}
    return Page(
        report=report,
        conditions=conditions,
        words=words,
        part=part_of(report, conditions),
        title=escape(render(report.title, language)),
        date=_date(conditions.started),
        pictures=pictures,
        feature_pictures=pictures_of_features(scenes, map_name),
        feature_scales={n: scale for n, one in scenes.items() if (scale := scale_of(one, map_name)) is not None},
        scale=scale_of(scene, map_name),
        measured=measured_thing(scene),
        embedded=embedded(scene, start, shown or thinned_scene(scene), map_name) if pictures else None,
        large=float(np.sqrt(((high - low) ** 2).sum())) > LARGE_M,
    )


def part_of(report: Report, conditions: Conditions) -> str:
    """Return the name of what was measured: the stated one, or the file of the reference, or of the later scan."""
    stated = report.facts.get("part")
    if isinstance(stated, str):
        return stated
    names = {one.role: one.name for one in conditions.inputs}
    return names.get("reference") or names.get("after") or next(iter(names.values()), render(report.title))


def _date(started: str) -> str:
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return started
