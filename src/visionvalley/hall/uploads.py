# SPDX-License-Identifier: Apache-2.0
"""Files that guests bring: streamed to the disk, kept for a few days, gone when their owner is erased.

<folder>/<hash of the owner>/<id>/<name>      and beside it <id>.json: what it is
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from visionvalley.core import BadInput
from visionvalley.runs.table import APPLICATIONS

LARGEST = 256 << 20  # bytes of one file
MOST_EACH = 1 << 30  # of all files of an owner
FREE = 1 << 30  # that the disk must keep
DAYS = 3.0
DAY_S = 86400.0
NAME = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|]{1,120}")
ID = re.compile(r"[0-9a-f]{16}")
ENDINGS = tuple(sorted({ending for one in APPLICATIONS.values() for role in one.roles for ending in role.endings}))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody brought; `until`: seconds since the epoch, when it is erased."""

    id: str
    name: str
    bytes: int
    until: float


@dataclass(frozen=True, slots=True)
class Uploads:
    """Where guests' files lie."""

    folder: Path
    days: float = DAYS
    largest: int = LARGEST
    most_each: int = MOST_EACH

    async def receive(self, owner: str, name: str, pieces: AsyncIterator[bytes]) -> Upload:
        """Keep what comes, whole or not at all; raise BadInput for names, endings and sizes that are not taken."""
        require_name(name)
        made, room = secrets.token_hex(8), self._room(owner)
        partial = self._of(owner) / made
        await run_in_threadpool(partial.mkdir, 0o700, True)
        try:
            size = await _written(partial / name, pieces, min(self.largest, room))
            told = Upload(made, name, size, time.time() + self.days * DAY_S)
            (partial.with_suffix(".json")).write_text(json.dumps(asdict(told)), encoding="utf-8")
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return told

    def every(self, owner: str) -> tuple[Upload, ...]:
        """Return an owner's files, the latest last."""
        return tuple(sorted(_told(self._of(owner)), key=lambda one: one.until))

    def path(self, owner: str, id: str) -> Path:
        """Return where a file lies; raises BadInput where this owner has none of this id."""
        found = next((one for one in _told(self._of(owner)) if one.id == id), None)
        if not ID.fullmatch(id) or found is None or found.until <= time.time():
            raise BadInput("hall.no_upload")
        return self._of(owner) / id / found.name

    def erase(self, owner: str, id: str | None = None) -> int:
        """Erase one file of an owner, or all; return how many went. Raises BadInput for one that is not there."""
        if id is not None:
            _drop(self.path(owner, id).parent)
            return 1
        count = sum(1 for _ in _told(self._of(owner)))
        shutil.rmtree(self._of(owner), ignore_errors=True)
        return count

    def prune(self) -> frozenset[str]:
        """Erase the files whose days are over, and what a cut connection left; return the ids of those files."""
        now, gone = time.time(), set()
        for folder in self.folder.glob("*/*") if self.folder.is_dir() else ():
            about = folder.with_suffix(".json")
            if folder.is_dir() and folder.stat().st_mtime < now - DAY_S and not about.exists():
                shutil.rmtree(folder, ignore_errors=True)
        for owner in self.folder.glob("*") if self.folder.is_dir() else ():
            for one in _told(owner):
                if one.until <= now:
                    _drop(owner / one.id)
                    gone.add(one.id)
        return frozenset(gone)

    def brought(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the ids of the files among these paths that somebody brought here."""
        folder = self.folder.resolve()
        return frozenset(one.parent.name for one in map(Path, paths) if folder in one.resolve().parents)

    def _of(self, owner: str) -> Path:
        return self.folder / hashlib.sha256(owner.encode()).hexdigest()[:24]

    def _room(self, owner: str) -> int:
        """Return how many bytes an owner may still bring."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < FREE + self.largest:
            raise BadInput("hall.disk_full")
        left = self.most_each - sum(one.bytes for one in _told(self._of(owner)))
        if left <= 0:
            raise BadInput("hall.uploads_full", megabytes=self.most_each >> 20)
        return left


def require_name(name: str) -> None:
    """Raise BadInput for a name that is a way through folders, or whose ending nobody reads."""
    if not NAME.fullmatch(name) or name.strip(" .") != name:
        raise BadInput("hall.bad_file_name")
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise BadInput("hall.wrong_type", ending=ending or "-", known=" ".join(ENDINGS))


async def _written(path: Path, pieces: AsyncIterator[bytes], most: int) -> int:
    """Write what comes, and return how many bytes it was; nothing of it is held in memory."""
    size = 0
    file = await run_in_threadpool(path.open, "xb")
    try:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise BadInput("hall.too_large")
            await run_in_threadpool(file.write, piece)
    finally:
        await run_in_threadpool(file.close)
    if size == 0:
        raise BadInput("hall.empty_upload")
    return size


def _drop(folder: Path) -> None:
    folder.with_suffix(".json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _told(folder: Path) -> Iterator[Upload]:
    for about in folder.glob("*.json") if folder.is_dir() else ():
        with suppress(OSError, ValueError, TypeError):
            yield Upload(**json.loads(about.read_text(encoding="utf-8")))
