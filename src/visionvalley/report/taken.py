# SPDX-License-Identifier: Apache-2.0
"""What a report.html of ours holds, taken out again: the scene of the 3D view and the pictures."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from visionvalley.core import BadInput
from visionvalley.report.views import SIDES

PICTURE = re.compile(r'"data:image/png;base64,([A-Za-z0-9+/=]+)"')
VIEWS = re.compile(r'<section id="views".*?</section>', re.DOTALL)
HEADER = re.compile(r'<script type="application/json" id="scene-header">(.*?)</script>', re.DOTALL)
DATA = re.compile(r'<script type="text/plain" id="scene-data">([A-Za-z0-9+/=]*)</script>')


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What was in a report.

    main    the picture that explains it, PNG; None where there is none
    sides   of the part, PNG by name of the side
    header  of the scene, as web/viewer/viewer.js tells; None where there is no scene
    packed  its buffer: raw deflate
    """

    main: bytes | None
    sides: dict[str, bytes]
    header: dict[str, Any] | None
    packed: bytes


@lru_cache(16)
def taken(path: Path) -> Taken:
    """Take scene and pictures out of a report that does not change; BadInput where it is none of ours."""
    try:
        whole = path.read_text(encoding="utf-8")
        header, data = HEADER.search(whole), DATA.search(whole)
        first, views = PICTURE.search(whole), VIEWS.search(whole)
        sides = PICTURE.findall(views[0]) if views else []
        return Taken(
            base64.b64decode(first[1]) if first else None,
            {name: base64.b64decode(one) for name, one in zip(SIDES, sides, strict=False)},
            json.loads(header[1]) if header and data else None,
            base64.b64decode(data[1]) if data else b"",
        )
    except (OSError, ValueError) as error:
        raise BadInput("report.not_a_report", path=path) from error
