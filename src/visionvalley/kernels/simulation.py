# SPDX-License-Identifier: Apache-2.0
"""Normal random numbers, and random fields in space."""

import math

import numpy as np

from visionvalley.kernels.compilation import bare, inner, kernel
from visionvalley.kernels.simd import (
    larger,
    load_i32x8,
    multiply_add,
    real_bits,
    real_i32x8,
    splat_f32x8,
    splat_i32x8,
    square_root,
    store,
    take,
    whole_bits,
)

PIECE = 1024
PAIRS = 8192
LANES = 8
LOW, MANTISSA, EXPONENT, ONE, SIGN = (
    np.int32(0xFFFFFF), np.int32(0x7FFFFF), np.int32(0x7F800000), np.int32(0x3F800000), np.int32(-(1 << 31))
)  # fmt: skip


@bare
def f32(number):
    """Return a number in all lanes."""
    return splat_f32x8(np.float32(number))


@bare
def radii(words):
    """Return sqrt(-2 log u) of the lowest 24 bits of words, u = (bits + 1/2) / 2^24: to 1e-6, where u is 1 to 5e-4."""
    one = f32(1.0)
    u = multiply_add(real_i32x8(words & splat_i32x8(LOW)), f32(2.0**-24), f32(2.0**-25))
    bits = whole_bits(u)
    exponent = multiply_add(real_i32x8(bits & splat_i32x8(EXPONENT)), f32(2.0**-23), f32(-127.0))
    m = real_bits((bits & splat_i32x8(MANTISSA)) | splat_i32x8(ONE))
    s = (m - one) / (m + one)
    q = s * s
    series = multiply_add(q, f32(2 / 11), f32(2 / 9))
    series = multiply_add(series, q, f32(2 / 7))
    series = multiply_add(series, q, f32(2 / 5))
    series = multiply_add(series, q, f32(2 / 3))
    log = multiply_add(s, multiply_add(series, q, f32(2.0)), exponent * f32(math.log(2.0)))
    return square_root(larger(log * f32(-2.0), f32(0.0)))


@bare
def sine_and_cosine(words):
    """Return sine and cosine of the angle -pi/2 to pi/2 that the lowest 24 bits of words are, to 1e-7.

    The sign of the cosine is the highest bit: together they are of any angle.
    """
    x = multiply_add(real_i32x8(words & splat_i32x8(LOW)), f32(math.pi * 2.0**-24), f32(math.pi * (2.0**-25 - 0.5)))
    s = x * x
    sine = multiply_add(s, f32(-1 / 39916800), f32(1 / 362880))
    sine = multiply_add(sine, s, f32(-1 / 5040))
    sine = multiply_add(sine, s, f32(1 / 120))
    sine = multiply_add(sine, s, f32(-1 / 6))
    sine = multiply_add(sine, s, f32(1.0)) * x
    cosine = multiply_add(s, f32(1 / 479001600), f32(-1 / 3628800))
    cosine = multiply_add(cosine, s, f32(1 / 40320))
    cosine = multiply_add(cosine, s, f32(-1 / 720))
    cosine = multiply_add(cosine, s, f32(1 / 24))
    cosine = multiply_add(cosine, s, f32(-0.5))
    cosine = multiply_add(cosine, s, f32(1.0))
    return sine, real_bits(whole_bits(cosine) ^ (words & splat_i32x8(SIGN)))


@kernel("void(int64[::1], int32[::1], float32, float32[::1])")
def normal_worker(counter, words, size, out):
    """Make words of random bits into as many normal numbers, of standard deviation size (Box & Muller 1958).

    words, out  (2 n,), n whole vectors: the first half are radii, the second angles
    """
    half = len(words) // 2
    while True:
        piece = take(counter)
        if piece * PAIRS >= half:
            break
        for i in range(piece * PAIRS, min(half, (piece + 1) * PAIRS), LANES):
            far = radii(load_i32x8(words, i)) * splat_f32x8(size)
            sine, cosine = sine_and_cosine(load_i32x8(words, half + i))
            store(out, i, far * sine)
            store(out, half + i, far * cosine)


@inner
def cosine_of_turns(turns):
    """Return cos(2 pi t) to 1e-11; the Taylor series of the sine about zero, no library whose bits differ by CPU."""
    t = turns - np.floor(turns + 0.5)
    x = 6.283185307179586 * (0.25 - abs(t))
    s = x * x
    series = 1.0 - s * (1 / 210) * (1.0 - s * (1 / 272))
    series = 1.0 - s * (1 / 110) * (1.0 - s * (1 / 156) * series)
    series = 1.0 - s * (1 / 42) * (1.0 - s * (1 / 72) * series)
    return x * (1.0 - s * (1 / 6) * (1.0 - s * (1 / 20) * series))


@kernel("void(int64[::1], float64[:, ::1], float64[:, ::1], float64[::1])")
def sum_of_waves(counter, points, waves, field):
    """Add up plane waves at each point.

    points  (N, 3)
    waves   (4, M) turns a unit of length along x, y and z, and the turns at the origin
    field   (N,) out: sum of cosines times sqrt(2 / M), of variance one over random waves
    """
    n, count = points.shape[0], waves.shape[1]
    scale = math.sqrt(2.0 / count)
    while True:
        piece = take(counter)
        if piece * PIECE >= n:
            break
        for i in range(piece * PIECE, min(n, (piece + 1) * PIECE)):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            total = 0.0
            for j in range(count):
                total += cosine_of_turns(waves[0, j] * x + waves[1, j] * y + waves[2, j] * z + waves[3, j])
            field[i] = scale * total
