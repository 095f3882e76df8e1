# SPDX-License-Identifier: Apache-2.0
"""Standard error, kept back while a library works that prints its panics there beside raising them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _StandardError:
    """Stands in for standard error as long as anybody is inside."""

    def __init__(self) -> None:
        self.lock, self.inside, self.raised = threading.Lock(), 0, False
        self.true = self.kept = -1

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.raised, self.kept = False, os.memfd_create("stderr")
                self.true = os.dup(2)
                os.dup2(self.kept, 2)

    def leave(self, raised: bool) -> None:
        with self.lock:
            self.inside -= 1
            self.raised |= raised
            if self.inside == 0:
                os.dup2(self.true, 2)
                said = b"" if self.raised else os.pread(self.kept, os.fstat(self.kept).st_size, 0)
                if said:
                    os.write(2, said)
                os.close(self.true)
                os.close(self.kept)


_standard_error = _StandardError()


@contextmanager
def hushed() -> Iterator[None]:
    """Keep back what is printed to standard error; it comes out at the end, unless the block raised.

    Other threads' words wait, too; several threads may be inside at once.
    """
    _standard_error.enter()
    raised = True
    try:
        yield
        raised = False
    finally:
        _standard_error.leave(raised)
