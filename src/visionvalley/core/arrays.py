# SPDX-License-Identifier: Apache-2.0
"""How values take arrays in: checked once, then read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visionvalley.core.errors import BadInput

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]


def require(
    name: str, array: Any, shape: tuple[int | None, ...], dtype: Any = np.float64, *, finite: bool = False
) -> NDArray[Any]:
    """Return `array` as a contiguous, read-only array of the shape (None: any length) and dtype.

    Arrays that already fit are not copied. Raises BadInput for another shape, for numbers that the
    dtype cannot hold, and, with `finite`, for NaN and infinity.
    """
    if type(array) is np.ndarray and array.dtype == dtype and array.flags.c_contiguous and _fits(array.shape, shape):
        return _checked(name, array, finite)
    try:
        given = np.asarray(array)
        if given.dtype.kind not in "fiub":
            raise TypeError(given.dtype)
        if np.dtype(dtype).kind in "iu" and given.dtype.kind == "f" and not np.array_equal(given, np.trunc(given)):
            raise TypeError(given.dtype)
        fitting = np.ascontiguousarray(given, dtype)
    except (TypeError, ValueError) as error:
        raise BadInput("core.not_numbers", name=name, dtype=np.dtype(dtype).name) from error
    if not _fits(fitting.shape, shape):
        wanted = " x ".join("N" if n is None else str(n) for n in shape)
        raise BadInput("core.shape", name=name, got=" x ".join(map(str, fitting.shape)) or "a number", wanted=wanted)
    return _checked(name, fitting, finite)


def _fits(got: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(got) == len(wanted) and all(want in (None, one) for want, one in zip(wanted, got, strict=True))


def _checked(name: str, fitting: NDArray[Any], finite: bool) -> NDArray[Any]:
    if finite and not np.isfinite(fitting).all():
        raise BadInput("core.not_finite", name=name)
    if not fitting.flags.writeable:
        return fitting
    view = fitting.view()
    view.setflags(write=False)
    return view


def require_positive(**values: float) -> None:
    """Raise BadInput for the first value that is not a positive, finite number."""
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise BadInput("core.not_positive", name=name, value=value)
