# SPDX-License-Identifier: Apache-2.0
"""How often a 3MF places things: copies of copies are counted before lib3mf makes them one by one."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

from visionvalley.core import BadInput

MOST_COPIES, MOST_DEPTH = 100_000, 32
_TAG = re.compile(rb"<(?:[\w.-]+:)?(object|component|item)(?=[\s/>])([^>]*)>")
_PINDEX, _PID = re.compile(rb"\spindex\s*="), re.compile(rb"\spid\s*=")
_ID = re.compile(rb"""\s(?:object)?id\s*=\s*["'](\d{1,18})["']""")
_PATH = re.compile(rb"""\s[\w.-]+:path\s*=\s*["']([^"']*)["']""")
Key = tuple[str, int]


def require_modest(path: Path, archive: ZipFile) -> None:
    """Raise BadInput where the build places more than 100,000 things, or a thing holds itself.

    And where an object has a `pindex` without the `pid` that it counts in (3MF core 1.3, 4: `pid` is then required):
    lib3mf leaves such an object without properties and says nothing.
    """
    parts: dict[Key, list[Key]] = {}
    items: list[Key] = []
    for name, data in _models(archive):
        holder = items
        for tag, attributes in _TAG.findall(data):
            key = _key(path, name, attributes)
            if tag == b"object":
                if _PINDEX.search(attributes) and not _PID.search(attributes):
                    raise BadInput("io.no_properties", path=path)
                holder = parts.setdefault(key, [])
            else:
                (items if tag == b"item" else holder).append(key)
    counted: dict[Key, int] = {}
    if sum(_copies(path, key, parts, counted, 0) for key in items) > MOST_COPIES:
        raise BadInput("io.too_many_copies", path=path, most=MOST_COPIES)


def _models(archive: ZipFile) -> list[tuple[str, bytes]]:
    """Return the model parts by their names, as UTF-8."""
    models = []
    for entry in archive.infolist():
        if entry.filename.lower().endswith(".model"):
            data = archive.read(entry)
            if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                data = data.decode("utf-16", "replace").encode()
            models.append((entry.filename.lstrip("/").lower(), data))
    return models


def _key(path: Path, model: str, attributes: bytes) -> Key:
    number, other = _ID.search(attributes), _PATH.search(attributes)
    if number is None:
        raise BadInput("io.refused_by_library", path=path, format="3MF", reason="object without a number")
    return (other.group(1).decode("utf-8", "replace").lstrip("/").lower() if other else model), int(number.group(1))


def _copies(path: Path, key: Key, parts: dict[Key, list[Key]], counted: dict[Key, int], depth: int) -> int:
    if depth > MOST_DEPTH:
        raise BadInput("io.too_many_copies", path=path, most=MOST_COPIES)
    if key not in counted:
        counted[key] = 1 + sum(_copies(path, part, parts, counted, depth + 1) for part in parts.get(key, ()))
    return counted[key]
