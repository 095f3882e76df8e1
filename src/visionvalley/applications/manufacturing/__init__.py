# SPDX-License-Identifier: Apache-2.0
"""Manufacturing: does this part match its drawing?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from visionvalley.applications.manufacturing.settings import Settings

if TYPE_CHECKING:
    from visionvalley.applications.manufacturing.inspection import Inspection, run

__all__ = ["Inspection", "Settings", "run"]


def __getattr__(name: str) -> Any:
    """Load the inspection, and with it the kernels, when it is first used."""
    if name not in __all__:
        raise AttributeError(name)
    from visionvalley.applications.manufacturing import inspection

    return getattr(inspection, name)
