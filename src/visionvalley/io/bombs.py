# SPDX-License-Identifier: Apache-2.0
"""ZIP archives that say, and keep, how much they hold: bombs are refused before anything is inflated."""

from __future__ import annotations

import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visionvalley.core import BadInput
from visionvalley.io.opening import opened

MOST_GAIN = 200  # meshes as XML shrink 5- to 20-fold
FREE_BYTES = 64 << 20  # what any archive may hold, whatever its size
MOST_ENTRIES = 10_000


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; BadInput where it is none, is damaged, or would inflate far beyond its size."""
    with opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _require_modest(path, archive)
                yield archive
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput("io.bad_archive", path=path) from error
        except OSError as error:
            if error.errno == errno.EINVAL:  # a part lies before the file's beginning
                raise BadInput("io.bad_archive", path=path) from error
            raise


def _require_modest(path: Path, archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    packed = sum(entry.compress_size for entry in entries)
    plain = sum(entry.file_size for entry in entries)
    there = path.stat().st_size
    if len(entries) > MOST_ENTRIES or packed > there or plain > max(FREE_BYTES, MOST_GAIN * there):
        raise BadInput("io.bomb", path=path, packed=there, plain=plain)


def require_honest(path: Path) -> None:
    """Inflate every entry once, piece by piece and keeping nothing; BadInput where one is damaged or lies.

    For readers that inflate by themselves and believe the archive's own numbers.
    """
    with open_zip(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                left = entry.file_size
                while piece := file.read(1 << 20):
                    left -= len(piece)
                if left:
                    raise BadInput("io.bad_archive", path=path)
