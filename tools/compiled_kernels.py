# SPDX-License-Identifier: Apache-2.0
"""Put compiled kernels into a wheel, and tag it for the Python and the machines that they are for.

Hatch calls this for every wheel. Where kernels have object code for all declared signatures, the
wheel carries it; where they have not (a build from a bare source), the wheel is for any Python and
compiles at first use.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = "visionvalley/kernels/compiled"


class CompiledKernels(BuildHookInterface):  # type: ignore[type-arg]
    """The hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the object code to the files of the wheel, unless it is an editable one."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        try:
            from visionvalley.kernels import store
        except ImportError as error:  # built without the dependencies: nothing can be compiled here either
            self.app.display_warning(f"the wheel carries no compiled kernels: {error}")
            return
        stems = store.stems()
        missing = store.missing(stems)
        if missing or store.target() not in {"x86-64-v3", "generic"}:
            self.app.display_warning(
                f"the wheel carries no compiled kernels: for {store.target()} there are none of {', '.join(missing)}"
            )
            return
        for stem in stems:
            source = store.HERE / f"{stem}.py"
            for name in (store.list_name(source), *(store.compiled(source) or {})):
                found = next(folder / name for folder in store.folders() if (folder / name).exists())
                build_data["force_include"][str(found)] = f"{INSIDE}/{name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"{store.PYTHON}-{store.PYTHON}-{machine_tag()}"


def machine_tag() -> str:
    """Return the platform tag: object code of kernels calls no system library, so any glibc will do."""
    system, machine = platform.system(), platform.machine().lower()
    if system == "Linux":
        return f"manylinux_2_17_{machine}"
    return f"macosx_11_0_{machine}" if system == "Darwin" else "win_amd64"
