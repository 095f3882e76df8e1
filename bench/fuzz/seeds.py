# SPDX-License-Identifier: Apache-2.0
"""Small good files, from which the damaged ones are made: some that we write, some by hand, some real ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench.fuzz import native, texts
from bench.fuzz.forms import NATIVE

from visionvalley import io
from visionvalley.core import Cloud, Mesh
from visionvalley.io import pcd, ply, stl

OWN = ("ply", "pcd", "stl", "obj", "off", "xyz", "csv", "bin", "npz")
LARGEST, LARGEST_NATIVE = 40_000, 16_000


def seeds(reader: str, folder: Path) -> list[bytes]:
    """Return small good files; the same ones every time, and for libraries the smallest first."""
    if reader in NATIVE:
        return sorted(native.WRITERS[reader](folder) + _real(reader, LARGEST_NATIVE), key=len)
    found = []
    for number, write in enumerate(_writers(reader)):
        path = folder / f"seed{number}.{reader}"
        write(path)
        found.append(path.read_bytes())
    return found + _real(reader, LARGEST) + texts.TEXTS.get(reader, [])


def _real(reader: str, largest: int) -> list[bytes]:
    """Return real files of at most so many bytes, where there are any."""
    data = Path(os.environ.get("VALLEY_DATA", Path(__file__).parents[3] / "shared" / "data"))
    files = sorted(data.rglob("*")) if data.is_dir() else []
    fitting = (one for one in files if one.suffix.lower() == f".{reader}" and one.stat().st_size <= largest)
    return [one.read_bytes() for one in fitting]


def _writers(reader: str) -> list[Callable[[Path], None]]:
    rng = np.random.default_rng(1)
    colours = rng.integers(0, 255, (40, 3), np.uint8)
    cloud = Cloud(rng.normal(size=(40, 3)), None, colours, {"intensity": rng.random(40)})
    bare = Cloud(rng.normal(size=(40, 3)))
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    mesh = Mesh(corners, faces, rng.integers(0, 255, (4, 3), np.uint8))
    if reader == "ply":
        kinds = ("ascii", "binary_little_endian", "binary_big_endian")
        return [lambda p, v=v, k=k: ply.write(p, v, "mm", k) for v in (cloud, mesh) for k in kinds]
    if reader == "pcd":
        kinds = ("ascii", "binary", "binary_compressed")
        return [lambda p, v=v, k=k: pcd.write(p, v, "mm", k) for v in (cloud, bare) for k in kinds]
    if reader == "stl":
        return [lambda p, k=k: stl.write(p, mesh, "mm", k) for k in ("ascii", "binary")]
    unit = "mm" if reader in ("obj", "off", "xyz", "csv") else None
    values = {"obj": (mesh,), "off": (mesh,), "npz": (cloud, bare, mesh)}.get(reader, (cloud, bare))
    return [lambda p, v=v: io.write(p, v, unit) for v in values]
