# SPDX-License-Identifier: Apache-2.0
"""A reader whose library does everything that a reader should not."""

import os

import numpy as np

from visionvalley.core import BadInput

LOADED = []


def load():
    LOADED.append(os.getpid())


def read(path, how):
    if how == "processes":
        LOADED.append(0)  # what a file leaves behind, the next one does not see
        return np.array([os.getppid(), os.getpid(), len(LOADED)])
    if how == "crash":
        os.abort()
    if how == "leave":
        os._exit(0)
    if how == "hang":
        while True:
            pass
    if how == "fill":
        return np.concatenate([np.ones(1 << 22) for _ in range(1 << 10)])
    if how == "complain":
        raise RuntimeError("the library says no")
    if how == "refuse":
        raise BadInput("io.truncated", path=path, things="points", wanted=7, got=3)
    if how == "talk":
        os.write(1, b"0\n" * 100)
        os.write(2, b"nonsense")
    return np.arange(5.0)


def pieces(path, how, count=5):
    """Yield three pieces of bytes, then do something."""
    for _ in range(3):
        yield np.arange(count, dtype=np.int64)
    if how != "fine":
        read(path, how)
