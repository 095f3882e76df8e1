# SPDX-License-Identifier: Apache-2.0
"""Fitted elements in 60 decimal digits: the slow, obvious twin.

Distances are written from their definitions, derivatives are taken by differences (steps of 1e-15 leave 30 digits and
more), and what is returned is certified: `least_squares` by a vanishing gradient and a positive definite second
derivative, `zone` by its own search in double precision from several starts (scipy's linear programs) and then, in 60
digits, by equal distances of all contacts, positive multipliers that balance, and no point beyond.

Displacements are in the frame of the element that is judged: shifts u, v, w, tilts u, v, turn, two sizes.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np
from scipy.optimize import linprog

from visionvalley.core import Circle, Cone, Cylinder, Element, Line, Plane, Slot, Sphere

DIGITS = 60
STEP = Decimal("1e-15")
WIDE = Decimal("1e-12")
MOVES = {
    Line: (0, 1, 3, 4),
    Plane: (2, 3, 4),
    Circle: (0, 1, 2, 3, 4, 6),
    Sphere: (0, 1, 2, 6),
    Cylinder: (0, 1, 3, 4, 6),
    Cone: (0, 1, 3, 4, 6, 7),
    Slot: (0, 1, 2, 3, 4, 5, 6, 7),
}


class Judged:
    """An element in exact decimals, as distances need it."""

    def __init__(self, element: Element) -> None:
        self.kind = type(element)
        w = getattr(element, "normal", getattr(element, "direction", np.array([0.0, 0, 1])))
        w = element.normal if isinstance(element, Slot) else w
        side = element.direction if isinstance(element, Slot) else np.eye(3)[int(np.argmin(np.abs(w)))]
        self.w = unit([Decimal(float(x)) for x in w])
        along = dot(side := [Decimal(float(x)) for x in side], self.w)
        self.u = unit([a - along * b for a, b in zip(side, self.w, strict=True)])
        self.v = cross(self.w, self.u)
        self.point = [Decimal(float(x)) for x in element.point_m]
        self.sizes = [Decimal(0), Decimal(0)]
        if isinstance(element, Slot):
            self.sizes = [Decimal(element.width_m), Decimal(element.length_m)]
        elif not isinstance(element, (Line, Plane)):
            self.sizes[0] = Decimal(element.radius_m)
        if isinstance(element, Cone):
            self.sizes[1] = Decimal(float(np.tan(element.half_angle_rad)))

    def moved(self, move: list[Decimal]) -> tuple:
        """Return point, along, direction and sizes after a displacement (8)."""
        point = [
            p + move[0] * a + move[1] * b + move[2] * c
            for p, a, b, c in zip(self.point, self.u, self.v, self.w, strict=True)
        ]
        w = unit([c + move[3] * a + move[4] * b for a, b, c in zip(self.u, self.v, self.w, strict=True)])
        u = [a + move[5] * b for a, b in zip(self.u, self.v, strict=True)]
        over = dot(u, w)
        u = unit([a - over * c for a, c in zip(u, w, strict=True)])
        return point, u, w, [self.sizes[0] + move[6], self.sizes[1] + move[7]]


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def unit(a):
    size = dot(a, a).sqrt()
    return [x / size for x in a]


def squares_and_signed(kind: type, place: tuple, point: list) -> tuple[Decimal, Decimal]:
    """Return the squared distance of a point (in space, of curves) and the signed one (within the plane, of curves)."""
    origin, u, w, (first, second) = place
    q = [a - b for a, b in zip(point, origin, strict=True)]
    z = dot(q, w)
    if kind is Plane:
        return z * z, z
    if kind is Sphere:
        d = dot(q, q).sqrt() - first
        return d * d, d
    if kind is Slot:
        x = dot(q, u)
        y2 = dot(q, q) - z * z - x * x
        beyond = max(abs(x) - (second - first) / 2, Decimal(0))
        d = (beyond * beyond + y2).sqrt() - first / 2
        return d * d + z * z, d
    off2 = dot(q, q) - z * z
    if kind is Line:
        return off2, off2.sqrt()
    d = off2.sqrt() - first
    if kind is Cone:
        d = (d - z * second) / (1 + second * second).sqrt()
    return (d * d + z * z if kind is Circle else d * d), d


def exact(points: np.ndarray) -> list:
    return [[Decimal(float(x)) for x in p] for p in points]


def displaced(kind: type, values: dict[int, Decimal]) -> list[Decimal]:
    move = [Decimal(0)] * 8
    for at, value in values.items():
        move[at] = value
    return move


def solve(matrix: list[list[Decimal]], right: list[Decimal]) -> list[Decimal]:
    """Solve equations by elimination with pivots."""
    rows = [[*row, r] for row, r in zip(matrix, right, strict=True)]
    n = len(rows)
    for c in range(n):
        best = max(range(c, n), key=lambda r: abs(rows[r][c]))
        rows[c], rows[best] = rows[best], rows[c]
        for r in range(n):
            if r != c and rows[r][c]:
                by = rows[r][c] / rows[c][c]
                rows[r] = [a - by * b for a, b in zip(rows[r], rows[c], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def positive_definite(matrix: list[list[Decimal]]) -> bool:
    rows = [row[:] for row in matrix]
    for c in range(len(rows)):
        if rows[c][c] <= 0:
            return False
        for r in range(c + 1, len(rows)):
            by = rows[r][c] / rows[c][c]
            rows[r] = [a - by * b for a, b in zip(rows[r], rows[c], strict=True)]
    return True


@dataclass(frozen=True)
class Minimiser:
    """The exact least-squares element, as seen from the judged one: metres, radians, metres; certified or not."""

    position_m: float
    direction_rad: float
    size_m: float
    certified: bool


def least_squares(points: np.ndarray, element: Element) -> Minimiser:
    """Return how far the exact minimiser nearby is from an element."""
    with localcontext() as context:
        context.prec = DIGITS
        judged, cloud = Judged(element), exact(points)
        own = MOVES[judged.kind]

        def half(values: list[Decimal]) -> Decimal:
            place = judged.moved(displaced(judged.kind, dict(zip(own, values, strict=True))))
            return sum((squares_and_signed(judged.kind, place, p)[0] for p in cloud), Decimal(0)) / 2

        def changed(values, *steps):
            values = values[:]
            for at, step in steps:
                values[at] += step
            return half(values)

        k = len(own)
        here = [Decimal(0)] * k
        second = [[Decimal(0)] * k for _ in range(k)]
        middle = half(here)
        single = [[changed(here, (a, s * WIDE)) for s in (1, -1)] for a in range(k)]
        for a in range(k):
            second[a][a] = (single[a][0] + single[a][1] - 2 * middle) / WIDE**2
            for b in range(a):
                both = changed(here, (a, WIDE), (b, WIDE)) + changed(here, (a, -WIDE), (b, -WIDE))
                sides = sum(single[a]) + sum(single[b])
                second[a][b] = second[b][a] = (both - sides + 2 * middle) / (2 * WIDE**2)
        for _ in range(3):
            slope = [(changed(here, (a, STEP)) - changed(here, (a, -STEP))) / (2 * STEP) for a in range(k)]
            step = solve(second, slope)
            here = [x - s for x, s in zip(here, step, strict=True)]
        done = max(abs(s) for s in step) < Decimal("1e-16") and positive_definite(second)
        move = [float(x) for x in displaced(judged.kind, dict(zip(own, here, strict=True)))]
    turn = np.linalg.norm(move[3:6])
    size = np.abs(move[6:]).max()
    if judged.kind is Cone:
        turn, size = max(turn, abs(move[7])), abs(move[6])
    return Minimiser(float(np.linalg.norm(move[:3])), float(turn), float(size), done)


# ---- minimum zone: in double precision to find the contacts, in decimals to certify them
ZONE_MOVES = MOVES | {Circle: (0, 1, 6)}


def signed(points: np.ndarray, element: Element, move: np.ndarray) -> np.ndarray:
    """Return signed distances (N,) after a displacement (8,), in double precision; of a line the distances."""
    judged = Judged(element)
    frame = np.array([judged.u, judged.v, judged.w], float)
    w = frame[2] + move[3] * frame[0] + move[4] * frame[1]
    w /= np.linalg.norm(w)
    q = points - element.point_m - move[:3] @ frame
    z = q @ w
    if judged.kind is Plane:
        return z
    far = np.linalg.norm(q if judged.kind is Sphere else q - z[:, None] * w, axis=1)
    first, second = float(judged.sizes[0]) + move[6], float(judged.sizes[1]) + move[7]
    return (far - first - z * second) / np.sqrt(1 + second**2)


@dataclass(frozen=True)
class Zone:
    """The narrowest zone that was found: its width, and whether it is certified in 60 digits."""

    width_m: float
    certified: bool


def zone(points: np.ndarray, element: Element, starts: int = 2, seed: int = 0) -> Zone:
    """Return the minimum zone of points, from starts about an element."""
    rng = np.random.default_rng(seed)
    own = list(ZONE_MOVES[type(element)])
    extent = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())
    unitless = np.array([1, 1, 1, 1 / extent, 1 / extent, 1 / extent, 1, 1 / extent])[own]
    level = np.abs(signed(points, element, np.zeros(8))).max()
    ends = []
    for number in range(1 + starts):
        begin = np.zeros(8)
        begin[own] = unitless * rng.normal(size=len(own)) * level * number
        ends.append(_narrowed(points, element, begin, own, unitless))
    ends.sort(key=lambda end: end[0])
    for width, move, active in ends:
        exact_width = _certified(points, element, move, active, own)
        if exact_width is not None:
            return Zone(exact_width, True)
        if width < ends[0][0] * 0.99:
            break
    return Zone(2 * ends[0][0], False)


def _narrowed(points, element, move, own, unitless):
    """Make the largest distance least by linear programs in a trust region; return it with move and multipliers."""
    f = signed(points, element, move)
    two_sided = not isinstance(element, Line)
    reach, active = 10 * np.abs(f).max(), []
    small = min(1e-7, 1e-3 * np.abs(f).max())
    for _ in range(60):
        slopes = np.empty((len(f), len(own)))
        for column, at in enumerate(own):
            step = np.zeros(8)
            step[at] = small * unitless[column]
            slopes[:, column] = (signed(points, element, move + step) - signed(points, element, move - step)) / (
                2 * small
            )
        rows = np.vstack([np.column_stack([slopes, -np.ones(len(f))]), np.column_stack([-slopes, -np.ones(len(f))])])
        right = np.concatenate([-f, f])
        if not two_sided:
            rows, right = rows[: len(f)], right[: len(f)]
        scale = max(np.abs(f).max(), 1e-12)
        bounds = [(-reach / scale, reach / scale)] * len(own) + [(0, None)]
        program = linprog([0.0] * len(own) + [1.0], rows, right / scale, bounds=bounds, method="highs-ds")
        if program.x is None:
            break
        tried = move.copy()
        tried[own] += unitless * program.x[:-1] * scale
        there = signed(points, element, tried)
        gained = np.abs(f).max() - np.abs(there).max()
        active = np.flatnonzero(program.ineqlin.marginals < -1e-9)
        if gained > 0:
            move, f = tried, there
            reach *= 2 if gained > 0.5 * (scale - program.x[-1] * scale) else 1
        else:
            reach *= 0.2
        if reach < 1e-13 or (scale - program.x[-1] * scale) < 1e-14:
            break
    return np.abs(f).max(), move, active


def _certified(points, element, move, active, own):
    """Return the exact width where the conditions of an optimum hold in 60 digits, else None."""
    n = len(points)
    with localcontext() as context:
        context.prec = DIGITS
        judged, cloud = Judged(element), exact(points)
        contacts = [(int(a) % n, 1 if a < n else -1) for a in active]
        here = [Decimal(float(move[at])) for at in own]
        weights = [Decimal(1) / len(contacts)] * len(contacts)

        def value(values, which):
            place = judged.moved(displaced(judged.kind, dict(zip(own, values, strict=True))))
            return squares_and_signed(judged.kind, place, cloud[which[0]])[1] * which[1]

        def at(values, *steps):
            values = values[:]
            for i, s in steps:
                values[i] += s
            return values

        k, m = len(own), len(contacts)
        for _ in range(8):
            slopes = [
                [(value(at(here, (a, STEP)), c) - value(at(here, (a, -STEP)), c)) / (2 * STEP) for a in range(k)]
                for c in contacts
            ]
            matrix = [[Decimal(0)] * (k + 1 + m) for _ in range(k + 1 + m)]
            for a in range(k):
                for b in range(a + 1):
                    total = Decimal(0)
                    if m < k + 1:  # curvature counts only where the contacts alone do not decide
                        for c, weight in zip(contacts, weights, strict=True):
                            corners = [
                                s * t * value(at(here, (a, s * WIDE), (b, t * WIDE)), c)
                                for s in (1, -1)
                                for t in (1, -1)
                            ]
                            total += weight * sum(corners) / (4 * WIDE**2)
                    matrix[a][b] = matrix[b][a] = total
            values = [value(here, c) for c in contacts]
            for j in range(m):
                for a in range(k):
                    matrix[k + 1 + j][a] = matrix[a][k + 1 + j] = slopes[j][a]
                matrix[k][k + 1 + j] = matrix[k + 1 + j][k] = Decimal(-1)
            balance = [-sum(w * s[a] for w, s in zip(weights, slopes, strict=True)) for a in range(k)]
            level = sum(values) / m
            right = [*balance, sum(weights) - 1, *[level - f for f in values]]
            try:
                answer = solve(matrix, right)
            except ArithmeticError:
                return None
            here = [x + s for x, s in zip(here, answer[:k], strict=True)]
            weights = [w + s for w, s in zip(weights, answer[k + 1 :], strict=True)]
            if max(abs(s) for s in answer[:k]) < Decimal("1e-22"):
                break
        place = judged.moved(displaced(judged.kind, dict(zip(own, here, strict=True))))
        distances = [squares_and_signed(judged.kind, place, p)[1] for p in cloud]
        level = sum(value(here, c) for c in contacts) / m
        largest = max(abs(d) for d in distances)
        balanced = all(
            abs(sum(w * s[a] for w, s in zip(weights, slopes, strict=True))) < Decimal("1e-18") for a in range(k)
        )
        good = largest - level < Decimal("1e-20") and all(w > 0 for w in weights) and balanced
        return float(2 * level) if good else None
