# SPDX-License-Identifier: Apache-2.0
"""The options that say how a run is kept, for every verb that makes one."""

from __future__ import annotations

from typing import Annotated

import typer

Owner = Annotated[str | None, typer.Option("--owner", help="Whose run it is; who is logged in where not given")]
KeepDays = Annotated[
    float | None, typer.Option("--keep-days", help="`valley runs prune` may erase it after so many days; else never")
]
KeepInputs = Annotated[
    bool, typer.Option("--keep-inputs", help="Keep copies of the inputs too, so that it can be run again anywhere.")
]
