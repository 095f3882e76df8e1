# SPDX-License-Identifier: Apache-2.0
"""Where tests find real data: the folder VALLEY_DATA, or shared/data beside the checkout."""

import os
from pathlib import Path

import pytest


def sample(path: str) -> Path:
    """Return a file or folder of the real data; the test is skipped where it is not there."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    found = Path(os.environ.get("VALLEY_DATA") or beside) / path
    if not found.exists():
        pytest.skip(f"no real data: {path} is neither in VALLEY_DATA nor beside the checkout")
    return found
