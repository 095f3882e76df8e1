# SPDX-License-Identifier: Apache-2.0
"""Links and codes as pictures that a phone reads (QR, ISO/IEC 18004)."""

from __future__ import annotations

import segno

QUIET = 4  # modules around it, as the standard asks
BLACK, WHITE = "#0e1726", "#ffffff"


def picture(content: str) -> str:
    """Return a text as a picture (SVG), dark on light whatever the page's colours are."""
    made = segno.make(content, error="m", micro=False)
    size = made.symbol_size(border=QUIET)[0]
    drawn: str = made.svg_inline(border=QUIET, dark=BLACK, light=WHITE, omitsize=True, svgclass="qr", lineclass=None)
    return drawn.replace("<svg ", f'<svg viewBox="0 0 {size} {size}" ' if "viewBox" not in drawn else "<svg ", 1)


def drawing(content: str) -> bytes:
    """Return a text as an SVG file."""
    from io import BytesIO

    written = BytesIO()
    segno.make(content, error="m", micro=False).save(written, kind="svg", border=0, dark=BLACK, light=None)
    return written.getvalue()
