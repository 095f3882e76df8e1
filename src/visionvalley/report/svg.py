# SPDX-License-Identifier: Apache-2.0
"""Drawings of the page as files of their own, with the style that the page gives them."""

from __future__ import annotations

from pathlib import Path

STYLE = """
text{font-family:"Noto Sans";font-size:14px;fill:#4A5568}
.legend text{text-anchor:middle} text.limit{fill:#0E1726;font-weight:600} path.limit{stroke:#0E1726;stroke-width:2}
.marks path{stroke:#0E1726;stroke-width:1.5;fill:none} .marks circle{stroke:#0E1726;stroke-width:2;fill:none}
.marks .halo{stroke:#FFFFFF;stroke-width:5;stroke-linecap:round}
.marks text{font-size:24px;font-weight:600;fill:#0E1726;stroke:#FFFFFF;
stroke-width:6px;stroke-linejoin:round;paint-order:stroke}
.section path{fill:none;stroke-linejoin:round} .section .outline{stroke:#4A5568;stroke-width:1.5}
.section .allowed{stroke:#0E1726;stroke-width:1.2;stroke-dasharray:6 4} .section .whisker{stroke-width:1.2}
.section .measured{stroke-width:3.5;stroke-linecap:round} .section .bar{stroke:#0E1726;stroke-width:1.5}
.section .casing{stroke:#4A5568;stroke-width:5;stroke-linecap:round} .section .marks text{font-size:20px}
.section text.said{font-size:18px}
.histogram text{font-size:26px;text-anchor:middle}
.histogram text.count{text-anchor:end} .histogram text.odd{display:none}
.histogram .grid{stroke:#D5DBE5} .histogram .axis{stroke:#8A94A6;stroke-width:1.5}
.histogram .bar{stroke:#8A94A6;stroke-width:.5}
.onscale .zone{fill:#0B6E6E;opacity:0.16} .onscale .limit{stroke:#0E1726;stroke-width:2}
.onscale .interval{stroke:#0E1726;stroke-width:1.5} .onscale .value{fill:#0E1726}
"""


SMALL = ".legend text{font-size:25px} .legend text.odd{display:none}"


def alone(svg: str, path: Path, *, small: bool = False) -> None:
    """Write an SVG of the page as a file that needs no page; `small`: a legend that is printed small."""
    start, _, rest = svg.partition(">")
    style = STYLE + SMALL if small else STYLE
    if small:
        start = start.replace('viewBox="0 0 740 62"', 'viewBox="-20 -12 780 90"')
        rest = rest.replace('y="57" class="tick', 'y="68" class="tick')
    whole = f'{start} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{rest}'
    path.write_text(whole, encoding="utf-8")
