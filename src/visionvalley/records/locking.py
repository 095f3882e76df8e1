# SPDX-License-Identifier: Apache-2.0
"""Who may do what at the same time: many keep, one erases or sweeps.

A lock on a file goes with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from visionvalley.core import BadInput
from visionvalley.records.place import Records

PAUSE_S = 0.01


@contextmanager
def locked(records: Records, *, alone: bool, name: str = "lock", patience_s: float | None = None) -> Iterator[None]:
    """Hold a lock of the folder, alone or with others that do not want it alone.

    Raises BadInput where others hold it for longer than patience allows.
    """
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    end = time.monotonic() + (records.patience_s if patience_s is None else patience_s)
    handle = os.open(records.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise BadInput("records.busy", folder=records.folder) from None
                time.sleep(PAUSE_S)
        yield
    finally:
        os.close(handle)
