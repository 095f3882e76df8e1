# SPDX-License-Identifier: Apache-2.0
"""Rows of products, a block of columns at a time: their sums stay in registers."""

import numpy as np

from visionvalley.kernels.compilation import bare
from visionvalley.kernels.simd import load_f32x8, load_f64x4, multiply_add, splat_f32x8, splat_f64x4, store

WIDE, BROAD = 64, 16  # columns at a time, of float32 and float64


@bare
def wide_sums(begin, end, columns, weights, values, start, out, row):
    """Write one row of a sparse product, `WIDE` columns of it from `start` on."""
    width = values.shape[1]
    a = b = c = d = e = f = g = h = splat_f32x8(np.float32(0.0))
    for i in range(begin, end):
        weight, at = splat_f32x8(weights[i]), columns[i] * width + start
        a = multiply_add(weight, load_f32x8(values, at), a)
        b = multiply_add(weight, load_f32x8(values, at + 8), b)
        c = multiply_add(weight, load_f32x8(values, at + 16), c)
        d = multiply_add(weight, load_f32x8(values, at + 24), d)
        e = multiply_add(weight, load_f32x8(values, at + 32), e)
        f = multiply_add(weight, load_f32x8(values, at + 40), f)
        g = multiply_add(weight, load_f32x8(values, at + 48), g)
        h = multiply_add(weight, load_f32x8(values, at + 56), h)
    at = row * width + start
    store(out, at, a)
    store(out, at + 8, b)
    store(out, at + 16, c)
    store(out, at + 24, d)
    store(out, at + 32, e)
    store(out, at + 40, f)
    store(out, at + 48, g)
    store(out, at + 56, h)


@bare
def wide_products(left, row, other, right, start, out):
    """Write two rows of a product, `BROAD` columns of them from `start` on."""
    r, width = right.shape
    a = b = c = d = e = f = g = h = splat_f64x4(0.0)
    for j in range(r):
        much, more, at = splat_f64x4(left[row, j]), splat_f64x4(left[other, j]), j * width + start
        one, two = load_f64x4(right, at), load_f64x4(right, at + 4)
        three, four = load_f64x4(right, at + 8), load_f64x4(right, at + 12)
        a, e = multiply_add(much, one, a), multiply_add(more, one, e)
        b, f = multiply_add(much, two, b), multiply_add(more, two, f)
        c, g = multiply_add(much, three, c), multiply_add(more, three, g)
        d, h = multiply_add(much, four, d), multiply_add(more, four, h)
    at = row * width + start
    store(out, at, a)
    store(out, at + 4, b)
    store(out, at + 8, c)
    store(out, at + 12, d)
    at = other * width + start
    store(out, at, e)
    store(out, at + 4, f)
    store(out, at + 8, g)
    store(out, at + 12, h)
