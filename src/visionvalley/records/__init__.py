# SPDX-License-Identifier: Apache-2.0
"""Every run is kept: what it was made of in a database, its files by their content. Imports no database library."""

from visionvalley.records.erasing import Erased, erase, prune
from visionvalley.records.finding import artefact_path, find, one, state
from visionvalley.records.keeping import keep
from visionvalley.records.place import Records, default_records
from visionvalley.records.values import Artefact, InputFile, RunRecord, Wanted

__all__ = [
    "Artefact",
    "Erased",
    "InputFile",
    "Records",
    "RunRecord",
    "Wanted",
    "artefact_path",
    "default_records",
    "erase",
    "find",
    "keep",
    "one",
    "prune",
    "state",
]
