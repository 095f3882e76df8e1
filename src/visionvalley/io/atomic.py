# SPDX-License-Identifier: Apache-2.0
"""Files are written beside their place and then renamed: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from visionvalley.core import BadInput


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give the path of an empty file in the same folder, with the same suffix; rename it when all went well.

    Whatever goes wrong, nothing partial stays, and an older file of that name is left as it was.
    """
    if path.is_dir():
        raise BadInput("io.is_folder", path=path)
    try:
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix=f".{path.stem[:100]}-", dir=path.parent)
    except (OSError, ValueError) as error:
        raise BadInput("io.unwritable", path=path, reason=getattr(error, "strerror", None) or str(error)) from error
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(_mode(path))
        partial.replace(path)
    except OSError as error:
        raise BadInput("io.unwritable", path=path, reason=error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write that appears at `path` only when it is whole and on the disk."""
    with beside(path) as partial, partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _mode(path: Path) -> int:
    """Return the rights that a new file would have, or those of the file that is replaced."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0o022)
    os.umask(mask)
    return 0o666 & ~mask
