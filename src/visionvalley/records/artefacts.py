# SPDX-License-Identifier: Apache-2.0
"""Files by their content: written aside, on the disk, then named by their SHA-256.

Before anything gets its name, or loses it, a list of the names lies in a folder of its own under `pending`.
Whatever ends the process, the next one finds the list, and drops those files that no run holds.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from visionvalley.core import BadInput
from visionvalley.records.locking import locked
from visionvalley.records.place import Records
from visionvalley.records.values import Artefact

CHUNK = 1 << 20
AT_ONCE = 4
LIST = "names"
VACUUM = "vacuum"  # stands beside a list of what is erased
SHA256 = re.compile(r"[0-9a-f]{64}")


def digest_of(path: Path) -> tuple[str, int]:
    """Return SHA-256 and size of what is in a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def path_of(records: Records, sha256: str) -> Path:
    """Return where a file of this content lies."""
    return records.artefacts / sha256[:2] / sha256


@contextmanager
def announced(records: Records) -> Iterator[Path]:
    """Give a new folder under `pending`, which goes when all went well, and else stays for `sweep`."""
    folder = records.pending / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def announce(folder: Path, names: Iterable[str], *, erasing: bool = False) -> None:
    """Write on the disk which files are about to come or to go."""
    if erasing:
        (folder / VACUUM).touch()
    with (folder / LIST).open("w", encoding="ascii") as file:
        file.write("".join(f"{name}\n" for name in names))
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)
    _sync(folder.parent)


def store(records: Records, folder: Path, files: Mapping[str, Path]) -> tuple[Artefact, ...]:
    """Copy files, by name, to where their content is named; they are on the disk when this returns."""
    with ThreadPoolExecutor(AT_ONCE) as pool:  # the disk takes them together
        written = pool.map(_copied, files.values(), (folder / f"{n}" for n in range(len(files))))
        copies = [(name, sha256, size) for name, (sha256, size) in zip(files, written, strict=True)]
    announce(folder, (sha256 for _, sha256, _ in copies))
    for n, (_, sha256, _) in enumerate(copies):
        place = path_of(records, sha256)
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(records.artefacts)
        (folder / f"{n}").replace(place)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_sync, {path_of(records, sha256).parent for _, sha256, _ in copies}))
    return tuple(Artefact(name, sha256, size) for name, sha256, size in copies)


def _copied(source: Path, copy: Path) -> tuple[str, int]:
    """Copy a file and return SHA-256 and size of what was copied."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, copy.open("wb") as written:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            written.write(chunk)
            size += len(chunk)
        written.flush()
        os.fsync(written.fileno())
    copy.chmod(0o400)
    return digest.hexdigest(), size


def sweep(records: Records, *, everything: bool = False) -> None:
    """Drop what killed processes left, unless somebody keeps or erases just now.

    everything  look at every file, not only at those that were announced
    """
    if not everything and not any(records.pending.iterdir()):
        return
    with suppress(BadInput, OSError), locked(records, alone=True, patience_s=0.0):
        clear(records, everything=everything)


def clear(records: Records, *, everything: bool = False) -> tuple[int, int]:
    """Drop announced files that no run holds, and all that is pending; return how many files and bytes went.

    The caller holds the lock alone.
    """
    from visionvalley.records import database
    from visionvalley.records.finding import held

    database.settle(records)
    left = list(records.pending.iterdir())
    names = {name for folder in left for name in _announced(folder)}
    if everything:
        names |= {file.name for file in records.artefacts.glob("??/*")}
    gone = [path_of(records, name) for name in sorted(names - held(records, names))]
    size = sum(_removed(path) for path in gone)
    if any((folder / VACUUM).exists() for folder in left):
        database.vacuum(records)
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone), size


def _announced(folder: Path) -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        lines = (folder / LIST).read_text(encoding="ascii").splitlines()
        return [line for line in lines if SHA256.fullmatch(line)]
    return []


def _removed(path: Path) -> int:
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
