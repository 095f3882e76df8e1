# SPDX-License-Identifier: Apache-2.0
"""Public sensor data by name: found in VALLEY_DATA, beside the checkout or in the user's cache, else downloaded."""

from visionvalley.samples.finding import find, list_samples
from visionvalley.samples.table import Sample

__all__ = ["Sample", "find", "list_samples"]
