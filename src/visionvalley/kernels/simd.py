# SPDX-License-Identifier: Apache-2.0
"""LLVM vectors as first-class values in kernels.

A value of type F32x16 holds sixteen float32 numbers; + - * /, comparisons and the functions below
work lane by lane, and LLVM lowers them to what the target has. Nothing here is tied to one CPU.

    d = load_f32x16(points, at) - splat_f32x16(x)
    nearer = bits(d * d < splat_f32x16(worst))      # bit i tells lane i
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

FAST = ("nsz", "contract", "afn")  # NaN stays NaN, and no reordering within a lane
I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


class Vector(types.Type):
    """A fixed number of lanes of one scalar type; a mask has lanes of one bit."""

    def __init__(self, element: types.Type, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(f"{element}x{lanes}")

    @property
    def ir(self) -> ir.VectorType:
        """The LLVM type."""
        scalar = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.boolean: I1}
        return ir.VectorType(scalar.get(self.element) or ir.IntType(self.element.bitwidth), self.lanes)

    @property
    def mask(self) -> Vector:
        """The type of this vector's comparisons."""
        return Vector(types.boolean, self.lanes)

    @property
    def real(self) -> bool:
        """Whether lanes are floating point."""
        return self.element in (types.float32, types.float64)

    @property
    def llvm_name(self) -> str:
        """The suffix in names of LLVM intrinsics, such as v16f32."""
        width = 32 if self.element == types.float32 else 64 if self.real else self.element.bitwidth
        return f"v{self.lanes}{'f' if self.real else 'i'}{width}"


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is one LLVM value."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.ir)


F32x8, F32x16 = Vector(types.float32, 8), Vector(types.float32, 16)
F64x4, F64x8 = Vector(types.float64, 4), Vector(types.float64, 8)
I32x8, I32x16 = Vector(types.int32, 8), Vector(types.int32, 16)
I64x4, I64x8 = Vector(types.int64, 4), Vector(types.int64, 8)


def _call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    # declare_intrinsic refuses vectors: declare by name
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _broadcast(builder: Any, scalar: Any, kind: ir.VectorType) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count)
    )


def _address(context: Any, builder: Any, array: Any, value: Any, at: Any, kind: Any) -> Any:
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def _make_load(vector: Vector) -> Any:
    @intrinsic
    def load(typing: Any, array: Any, at: Any) -> Any:
        """Lanes from the flat position `at` of a contiguous array."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = _address(context, builder, array, args[0], args[1], vector.ir)
            return builder.load(pointer, align=vector.element.bitwidth // 8)

        return vector(array, types.int64), code

    return load


def _make_splat(vector: Vector) -> Any:
    @intrinsic
    def splat(typing: Any, scalar: Any) -> Any:
        """The same number in every lane."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _broadcast(builder, args[0], vector.ir)

        return vector(vector.element), code

    return splat


load_f32x8, load_f32x16, load_f64x4, load_f64x8 = map(_make_load, (F32x8, F32x16, F64x4, F64x8))
load_i32x8, load_i32x16, load_i64x4, load_i64x8 = map(_make_load, (I32x8, I32x16, I64x4, I64x8))
splat_f32x8, splat_f32x16, splat_f64x4, splat_f64x8 = map(_make_splat, (F32x8, F32x16, F64x4, F64x8))
splat_i32x8, splat_i32x16, splat_i64x4, splat_i64x8 = map(_make_splat, (I32x8, I32x16, I64x4, I64x8))


@intrinsic
def store(typing: Any, array: Any, at: Any, vector: Any) -> Any:
    """Write the lanes from the flat position `at` on."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _address(context, builder, array, args[0], args[1], vector.ir)
        builder.store(args[2], pointer, align=vector.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), code


# ---- operators: (real instruction, integer instruction); None where it makes no sense
ARITHMETIC = {
    operator.add: ("fadd", "add"),
    operator.sub: ("fsub", "sub"),
    operator.mul: ("fmul", "mul"),
    operator.truediv: ("fdiv", None),
    operator.and_: (None, "and_"),
    operator.or_: (None, "or_"),
    operator.xor: (None, "xor"),
}
COMPARISON = {operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "=="}


def _support_arithmetic(symbol: Any, real: str | None, whole: str | None) -> None:
    @type_callable(symbol)
    def kind(context: Any) -> Any:
        def of(a: Any, b: Any) -> Any:
            if isinstance(a, Vector) and a == b and (real if a.real else whole):
                return a
            return None

        return of

    @lower_builtin(symbol, Vector, Vector)
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if signature.return_type.real:
            return getattr(builder, real or "")(*args, flags=FAST)
        return getattr(builder, whole or "")(*args)


def _support_comparison(symbol: Any, sign: str) -> None:
    @type_callable(symbol)
    def kind(context: Any) -> Any:
        def of(a: Any, b: Any) -> Any:
            return a.mask if isinstance(a, Vector) and a == b else None

        return of

    @lower_builtin(symbol, Vector, Vector)
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        compare = builder.fcmp_ordered if signature.args[0].real else builder.icmp_signed
        return compare(sign, *args)


for _symbol, (_real, _whole) in ARITHMETIC.items():
    _support_arithmetic(_symbol, _real, _whole)
for _symbol, _sign in COMPARISON.items():
    _support_comparison(_symbol, _sign)


def _make_pick(real_sign: str) -> Any:
    @intrinsic
    def pick(typing: Any, a: Any, b: Any) -> Any:
        """The lane-wise smaller (larger) of a and b; b where either is NaN."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            compare = builder.fcmp_ordered if a.real else builder.icmp_signed
            return builder.select(compare(real_sign, *args), *args)

        return a(a, a), code

    return pick


minimum, maximum = _make_pick("<"), _make_pick(">")


@intrinsic
def larger(typing: Any, a: Any, b: Any) -> Any:
    """The lane-wise larger of a and b, which hold no NaN; unlike `maximum` never stored lane by lane, which is slow."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(a.ir, [a.ir, a.ir]), f"llvm.maxnum.{a.llvm_name}"
        )
        return builder.call(function, args, fastmath=("nnan", "nsz"))

    return a(a, a), code


@intrinsic
def select(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """Lanes of a where the mask holds, of b elsewhere."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return a(mask, a, a), code


@intrinsic
def bits(typing: Any, mask: Any) -> Any:
    """The mask as an int64: bit i is lane i."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(mask.lanes)), I64)

    return types.int64(mask), code


def _make_unary(name: str) -> Any:
    @intrinsic
    def unary(typing: Any, a: Any) -> Any:
        """The function of every lane."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _call(builder, f"llvm.{name}.{a.llvm_name}", a.ir, list(args))

        return a(a), code

    return unary


square_root, absolute, floor = _make_unary("sqrt"), _make_unary("fabs"), _make_unary("floor")


@intrinsic
def multiply_add(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """A * b + c, rounded once."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fma.{a.llvm_name}", a.ir, list(args))

    return a(a, a, a), code


def _make_reduction(real: str, whole: str) -> Any:
    @intrinsic
    def reduce(typing: Any, a: Any) -> Any:
        """One number of all lanes; no lane may be NaN."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(a.ir.element, [a.ir])
            name = f"llvm.vector.reduce.{real if a.real else whole}.{a.llvm_name}"
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(function, args, fastmath=("nnan", "nsz") if a.real else ())

        return a.element(a), code

    return reduce


reduce_min, reduce_max = _make_reduction("fmin", "smin"), _make_reduction("fmax", "smax")


@intrinsic
def reduce_add(typing: Any, a: Any) -> Any:
    """The sum of all lanes, added pairwise in a fixed order."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, lanes = args[0], a.lanes
        while lanes > 1:
            lanes //= 2
            halves = [
                builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(I32, lanes), list(range(s, s + lanes))))
                for s in (0, lanes)
            ]
            value = builder.fadd(*halves) if a.real else builder.add(*halves)
        return builder.extract_element(value, ir.Constant(I32, 0))

    return a.element(a), code


def _make_conversion(real: Vector, whole: Vector) -> Any:
    @intrinsic
    def truncate(typing: Any, a: Any) -> Any:
        """Lanes cut to whole numbers; they must fit."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.fptosi(args[0], whole.ir)

        return whole(real), code

    @intrinsic
    def widen(typing: Any, a: Any) -> Any:
        """Whole numbers as floating point."""

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.sitofp(args[0], real.ir)

        return real(whole), code

    return truncate, widen


truncate_f32x8, real_i32x8 = _make_conversion(F32x8, I32x8)
truncate_f32x16, real_i32x16 = _make_conversion(F32x16, I32x16)


def _make_cast(lane: types.Type, operation: str) -> Any:
    @intrinsic
    def cast(typing: Any, a: Any) -> Any:
        """Each lane as another type."""
        to = Vector(lane, a.lanes)

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, operation)(args[0], to.ir)

        return to(a), code

    return cast


double, single = _make_cast(types.float64, "fpext"), _make_cast(types.float32, "fptrunc")  # of float32, of float64
whole_bits, real_bits = _make_cast(types.int32, "bitcast"), _make_cast(types.float32, "bitcast")  # the same bits


@intrinsic
def shift_in(typing: Any, before: Any, vector: Any) -> Any:
    """The lanes moved up by one; the last lane of `before` comes in at the bottom."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = vector.lanes
        order = ir.Constant(ir.VectorType(I32, lanes), [lanes - 1 + i for i in range(lanes)])
        return builder.shuffle_vector(args[0], args[1], order)

    return vector(vector, vector), code


@intrinsic
def swap_halves(typing: Any, vector: Any) -> Any:
    """The upper half of the lanes below the lower half."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        half = vector.lanes // 2
        order = ir.Constant(ir.VectorType(I32, vector.lanes), [*range(half, vector.lanes), *range(half)])
        return builder.shuffle_vector(args[0], args[0], order)

    return vector(vector), code


@intrinsic
def lane(typing: Any, vector: Any, at: Any) -> Any:
    """The number in lane `at`; quick where that is a literal."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return vector.element(vector, types.int64), code


@intrinsic
def cross_term(typing: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """A * b - c * d of vectors or scalars, right to 1.5 units in the last place: its sign is exact.

    The back end fuses a plain product with what follows it, flags or not, so that a * b - c * d is not even minus
    c * d - a * b. Kahan's form does not mind; Jeannerod, Louvet & Muller 2013.
    """
    kind = a.llvm_name if isinstance(a, Vector) else f"f{a.bitwidth}"

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second, third, fourth = args
        product = builder.fmul(third, fourth)
        minus = builder.fneg(product)
        error = _call(builder, f"llvm.fma.{kind}", first.type, [builder.fneg(third), fourth, product])
        rough = _call(builder, f"llvm.fma.{kind}", first.type, [first, second, minus])
        return builder.fadd(rough, error)

    return a(a, a, a, a), code


@intrinsic
def farthest_first(typing: Any, distances: Any, mask: Any) -> Any:
    """Eight float32 in the mask, none negative, as sorted whole numbers: the largest first, then -1 for those outside.

    The lowest three bits of each are not those of the distance: they tell the lane it was in.
    A bitonic network; Batcher 1968, Sorting networks and their applications.
    """
    lanes, kind = 8, ir.VectorType(I32, 8)

    def order(of: Any) -> Any:
        return ir.Constant(kind, list(of))

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = builder.and_(builder.bitcast(args[0], kind), order([-8] * lanes))
        keys = builder.select(args[1], builder.or_(whole, order(range(lanes))), order([-1] * lanes))
        for size, step in ((2, 1), (4, 2), (4, 1), (8, 4), (8, 2), (8, 1)):
            other = builder.shuffle_vector(keys, keys, order(i ^ step for i in range(lanes)))
            low = builder.select(builder.icmp_signed("<", keys, other), keys, other)
            high = builder.select(builder.icmp_signed(">", keys, other), keys, other)
            keys = builder.shuffle_vector(
                low, high, order(i + lanes * ((i & step == 0) == (i & size == 0)) for i in range(lanes))
            )
        return keys

    return Vector(types.int32, lanes)(distances, mask), code


# ---- scalars
@intrinsic
def address(typing: Any, array: Any) -> Any:
    """Where the data of an array begin in memory."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(context.make_array(array)(context, builder, args[0]).data, I64)

    return types.int64(array), code


@intrinsic
def prefetch(typing: Any, place: Any) -> Any:
    """Have the 64 bytes around an address brought near; harmless where there is nothing."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, ir.Constant(I32, 0), ir.Constant(I32, 3), ir.Constant(I32, 1)])
        return context.get_dummy_value()

    return types.void(types.int64), code


@intrinsic
def trailing_zeros(typing: Any, word: Any) -> Any:
    """The position of the lowest set bit of an int64 that is not zero."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(I1, 1))

    return types.int64(types.int64), code


@intrinsic
def count_ones(typing: Any, word: Any) -> Any:
    """The number of set bits of an int64."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.int64), code


@intrinsic
def float_bits(typing: Any, x: Any) -> Any:
    """The bits of a float32 as int32; they sort as the number does where it is not negative."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], I32)

    return types.int32(types.float32), code


@intrinsic
def bits_float(typing: Any, word: Any) -> Any:
    """The float32 whose bits an int32 holds."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), code


@intrinsic
def take(typing: Any, counter: Any) -> Any:
    """The next piece of work: counter[0] before it is raised by one, atomically."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(counter)(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(I64, 1), "monotonic")

    return types.int64(counter), code


@intrinsic
def exchange_if(typing: Any, array: Any, at: Any, expected: Any, new: Any) -> Any:
    """Whether array[at] was `expected`; then it is `new` now, in one atomic step."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        result = builder.cmpxchg(builder.gep(data, [args[1]]), args[2], args[3], "acq_rel", "acquire")
        return builder.extract_value(result, 1)

    return types.boolean(array, types.int64, array.dtype, array.dtype), code


@intrinsic
def pack_key(typing: Any, x: Any, row: Any) -> Any:
    """A float32 that is not negative and an int32 below it, as a float64 that sorts by both."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        high = builder.shl(builder.zext(builder.bitcast(args[0], I32), I64), ir.Constant(I64, 32))
        return builder.bitcast(builder.or_(high, builder.zext(args[1], I64)), ir.DoubleType())

    return types.float64(types.float32, types.int32), code


@intrinsic
def key_number(typing: Any, key: Any) -> Any:
    """The float32 of a packed key."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        high = builder.lshr(builder.bitcast(args[0], I64), ir.Constant(I64, 32))
        return builder.bitcast(builder.trunc(high, I32), ir.FloatType())

    return types.float32(types.float64), code


@intrinsic
def key_row(typing: Any, key: Any) -> Any:
    """The int32 of a packed key."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.trunc(builder.bitcast(args[0], I64), I32)

    return types.int32(types.float64), code


@intrinsic
def lift(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Raise the int64 at flat position `at` of an array to `value` where it is lower, atomically."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        builder.atomic_rmw("max", builder.gep(data, [args[1]]), args[2], "monotonic")
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), code
