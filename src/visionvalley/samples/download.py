# SPDX-License-Identifier: Apache-2.0
"""One file from its public address, checked by its SHA-256; a cut download goes on where it stopped."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from visionvalley.core import BadInput, Progress
from visionvalley.samples.table import SourceFile

HOST = "https://raw.githubusercontent.com"
MIRROR = "VALLEY_MIRROR"  # names another host with the same paths, for networks that do not reach this one
TRIES, WAIT_S = 4, 0.5
TIMEOUT_S = (10, 30)  # to connect, and between two pieces
PIECE_BYTES = 1 << 16


def address(source: SourceFile) -> str:
    """Return where a file can be downloaded; proxies are taken from the environment."""
    host = os.environ.get(MIRROR) or HOST
    return f"{host}/{source.repo}/{source.commit}/{quote(source.path)}"


def fetch(source: SourceFile, path: Path, progress: Progress) -> Path:
    """Download a file to `path` unless it is there already; BadInput where that cannot be done.

    What has come stays beside it as '.part' when the connection breaks, and the next call goes on from there.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # the progress tells what is done
    part = path.with_name(path.name + ".part")
    getter = _Getter(source, part, progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(address(source), f"sha256:{source.sha256}", fname=path.name, path=path.parent, downloader=getter)
    except ValueError as error:
        if isinstance(error, BadInput):
            raise
        part.unlink(missing_ok=True)  # pooch: the hash is another one
        raise BadInput("samples.changed", file=source.file, address=address(source)) from error
    except OSError as error:
        raise BadInput("samples.unwritable", path=path, reason=error.strerror or str(error)) from error
    part.unlink(missing_ok=True)
    return path


class _Getter:
    """Pooch's hook for downloads, with resume: (address, where to put it, pooch)."""

    def __init__(self, source: SourceFile, part: Path, progress: Progress) -> None:
        self.source, self.part, self.progress = source, part, progress
        self.shown = 0

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        last: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                time.sleep(WAIT_S * 2**attempt)
            try:
                self._go_on(url)
            except (requests.RequestException, TimeoutError, ConnectionError) as error:
                last = error
            if self._there() == self.source.bytes:
                shutil.copyfile(self.part, output_file)
                return
            if self._there() > self.source.bytes:
                self.part.unlink(missing_ok=True)
        reason = type(last).__name__ if last else "the file is cut"
        raise BadInput("samples.no_network", file=self.source.file, address=url, reason=reason) from last

    def _go_on(self, url: str) -> None:
        """Ask for what is still missing and add it to the part."""
        import requests

        there = self._there()
        asked = {"Range": f"bytes={there}-"} if there else {}
        with requests.get(url, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code in (404, 410):
                raise BadInput("samples.gone", file=self.source.file, address=url, status=answer.status_code)
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink(missing_ok=True)
                return
            answer.raise_for_status()
            goes_on = there and answer.status_code == requests.codes.partial_content
            with self.part.open("ab" if goes_on else "wb") as file:
                for piece in answer.iter_content(PIECE_BYTES):
                    file.write(piece)
                    self._show(file.tell())
                    if file.tell() > self.source.bytes:
                        return

    def _there(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _show(self, there: int) -> None:
        """Tell how much more there is than was ever told."""
        if there > self.shown:
            self.progress.advance(there - self.shown)
            self.shown = there
