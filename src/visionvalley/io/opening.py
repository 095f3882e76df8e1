# SPDX-License-Identifier: Apache-2.0
"""How files are opened: what cannot be read is refused before a reader sees it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from visionvalley.core import BadInput

PathLike = str | os.PathLike[str]


def size(path: Path) -> int:
    """Return the bytes of a regular, not empty file, else raise BadInput."""
    try:
        about = path.stat()
    except FileNotFoundError as error:
        raise BadInput("io.missing", path=path) from error
    except (OSError, ValueError) as error:
        raise BadInput("io.unreadable", path=path, reason=_reason(error)) from error
    if stat.S_ISDIR(about.st_mode):
        raise BadInput("io.is_folder", path=path)
    if not stat.S_ISREG(about.st_mode):
        raise BadInput("io.not_a_file", path=path)
    if about.st_size == 0:
        raise BadInput("io.empty", path=path)
    return about.st_size


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular, not empty file to read; BadInput where that fails, now or while it is read."""
    size(path)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise BadInput("io.unreadable", path=path, reason=_reason(error)) from error


def whole(path: Path) -> bytes:
    """Return all bytes of a file."""
    with opened(path) as file:
        return file.read()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
