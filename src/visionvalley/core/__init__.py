# SPDX-License-Identifier: Apache-2.0
"""The values that all rooms speak of. Imports numpy and nothing else."""

from visionvalley.core.arrays import require, require_positive
from visionvalley.core.camera import Camera, DepthMap
from visionvalley.core.cloud import Cloud, Mesh, Volume
from visionvalley.core.elements import Circle, Cone, Cylinder, Element, Line, Plane, Point, Slot, Sphere
from visionvalley.core.errors import BadInput, Cancelled
from visionvalley.core.feature import Feature
from visionvalley.core.measurement import (
    Contribution,
    Measurement,
    SensorNoise,
    Tolerance,
    Verdict,
)
from visionvalley.core.messages import Text, render, text
from visionvalley.core.part import Part
from visionvalley.core.pose import Pose
from visionvalley.core.progress import SILENT, Progress, stage
from visionvalley.core.report import Event, Report
from visionvalley.core.scene import Colouring, CrossSection, Scene, Thing
from visionvalley.core.settings import check, setting

__all__ = [
    "SILENT",
    "BadInput",
    "Camera",
    "Cancelled",
    "Circle",
    "Cloud",
    "Colouring",
    "Cone",
    "Contribution",
    "CrossSection",
    "Cylinder",
    "DepthMap",
    "Element",
    "Event",
    "Feature",
    "Line",
    "Measurement",
    "Mesh",
    "Part",
    "Plane",
    "Point",
    "Pose",
    "Progress",
    "Report",
    "Scene",
    "SensorNoise",
    "Slot",
    "Sphere",
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
