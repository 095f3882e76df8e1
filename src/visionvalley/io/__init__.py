# SPDX-License-Identifier: Apache-2.0
"""Files in, files out: one file a format family. Imports core; heavy libraries only where a function needs them."""

from visionvalley.io.e57 import write_scans
from visionvalley.io.files import (
    carries_unit,
    count_points,
    read,
    read_chunks,
    read_cloud,
    read_mesh,
    read_part,
    read_scans,
    write,
)
from visionvalley.io.glb import write_scene_glb

__all__ = [
    "carries_unit",
    "count_points",
    "read",
    "read_chunks",
    "read_cloud",
    "read_mesh",
    "read_part",
    "read_scans",
    "write",
    "write_scans",
    "write_scene_glb",
]
