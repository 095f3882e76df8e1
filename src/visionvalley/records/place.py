# SPDX-License-Identifier: Apache-2.0
"""Where records lie: a folder for files, and a database, which is SQLite in that folder unless a URL says otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "records.sqlite"


@dataclass(frozen=True, slots=True)
class Records:
    """A place for records.

    folder      artefacts, what is not finished, and the SQLite database
    database    URL of a PostgreSQL database; empty: SQLite in the folder
    patience_s  how long another process is waited for
    """

    folder: Path
    database: str = ""
    patience_s: float = 20.0

    @property
    def artefacts(self) -> Path:
        """Folder of the files that are kept, named by their SHA-256."""
        return self.folder / "artefacts"

    @property
    def pending(self) -> Path:
        """Folder of what is being kept or erased just now."""
        return self.folder / "pending"

    @property
    def file(self) -> Path:
        """The SQLite database."""
        return self.folder / FILE


def default_records() -> Records:
    """Return VALLEY_RECORDS, else the user's data folder, with the database that VALLEY_DATABASE names."""
    named = os.environ.get("VALLEY_RECORDS", "").strip()
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    folder = Path(named).expanduser() if named else Path(base) / "visionvalley"
    return Records(folder.absolute(), os.environ.get("VALLEY_DATABASE", "").strip())
