# SPDX-License-Identifier: Apache-2.0
"""Files in, files out: one file a format family. Imports core; heavy libraries only where a function needs them."""

from visionvalley.io.files import read_cloud, read_mesh

__all__ = ["read_cloud", "read_mesh"]
