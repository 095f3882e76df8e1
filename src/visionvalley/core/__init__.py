# SPDX-License-Identifier: Apache-2.0
"""The values that all rooms speak of. Imports numpy and nothing else."""

from visionvalley.core.arrays import require, require_positive
from visionvalley.core.camera import Camera, DepthMap
from visionvalley.core.cloud import Cloud, Mesh, Volume
from visionvalley.core.errors import BadInput, Cancelled
from visionvalley.core.measurement import (
    Contribution,
    Feature,
    Measurement,
    SensorNoise,
    Tolerance,
    Verdict,
)
from visionvalley.core.messages import Text, render, text
from visionvalley.core.pose import Pose
from visionvalley.core.progress import SILENT, Progress, stage
from visionvalley.core.report import Colouring, Event, Report, Scene, Thing
from visionvalley.core.settings import check, setting

__all__ = [
    "SILENT",
    "BadInput",
    "Camera",
    "Cancelled",
    "Cloud",
    "Colouring",
    "Contribution",
    "DepthMap",
    "Event",
    "Feature",
    "Measurement",
    "Mesh",
    "Pose",
    "Progress",
    "Report",
    "Scene",
    "SensorNoise",
    "Text",
    "Thing",
    "Tolerance",
    "Verdict",
    "Volume",
    "check",
    "render",
    "require",
    "require_positive",
    "setting",
    "stage",
    "text",
]
