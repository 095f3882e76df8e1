# SPDX-License-Identifier: Apache-2.0
"""Vision Valley: open 3D machine vision, from raw sensor data to judged and explained results."""

__version__ = "0.1.0"
