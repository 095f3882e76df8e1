# SPDX-License-Identifier: Apache-2.0
"""How kernels are compiled.

The target is fixed (x86-64-v3, AVX2), so that one object code runs on every such CPU and gives the
same bits. Object code is kept by `store`; a wheel carries it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numba
from numba.core import compiler, registry, serialize, sigutils, types
from numba.core.caching import _Cache
from numba.core.codegen import JITCodeLibrary

from visionvalley.kernels import store

# Never fastmath=True: its `nnan` lets the compiler drop NaN tests, and NaN means 'no measurement'.
# Nor `arcp`: with it 1 / sqrt(x) of float32 becomes rsqrtps, whose bits differ from one maker of CPUs to another.
NAN_SAFE = {"nsz", "contract", "afn", "reassoc"}
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": NAN_SAFE}

TARGET = store.target()

CALL = re.compile(r"(?:movabsq\s+\$|callq?\s+)([A-Za-z]\w*)")
ESTIMATE = re.compile(r"\bv?(?:rcp|rsqrt)(?:14|28)?[ps][sd]\b")

# Every entry point, by the name of its file.
ENTRY_POINTS: dict[str, list[Any]] = {}


def _fix_target() -> bool:
    """Let Numba compile for the target; say whether it does (it does not if it compiled before for another)."""
    fixed = store.target() == numba.config.CPU_NAME
    already = "_toplevel_target_context" in vars(registry.cpu_target)
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = store.target(), ""
    return fixed or not already


# False where other code in this process had Numba compile for this very CPU before: object code is
# then read, and compiled by a process of its own, but what this process compiles is not kept.
TARGET_FIXED = _fix_target()


def describe(thing: Any) -> str:
    """Return words that tell variants of one function apart: all values that its closures hold.

    Raises TypeError for a value that has no lasting description.
    """
    function = getattr(thing, "py_func", None) or getattr(thing, "_defn", None) or thing
    if hasattr(function, "__code__"):
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        held = ", ".join(describe(one) for one in (*cells, *(function.__defaults__ or ())))
        return f"{function.__module__}.{function.__qualname__}({held})"
    if isinstance(thing, (tuple, list)):
        return f"[{', '.join(map(describe, thing))}]"
    if isinstance(thing, (bool, int, float, str, bytes, types.Type)) or thing is None:
        return repr(thing)
    if isinstance(thing, type) or hasattr(thing, "dtype"):
        return f"{thing!r} {getattr(thing, 'dtype', '')}"
    raise TypeError(f"a kernel closes over {thing!r}, which has no lasting name")


class ObjectCache(_Cache):  # type: ignore[misc]
    """Numba's cache of one entry point, kept by `store`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.source = Path(function.__code__.co_filename)
        self.stamp = store.stamp(self.source)  # taken now: what is in memory is what is stamped

    @property
    def cache_path(self) -> str:
        return str(store.writable()[0])

    def name(self, signature: Any) -> str:
        """Return the file name of one signature's object code."""
        arguments, _ = sigutils.normalize_signature(signature)
        return store.object_name(self.source, self.function.__name__, describe(self.function), str(arguments))

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        target_context.refresh()
        name = self.name(signature)
        data = store.read(name)
        if data is None and not TARGET_FIXED:
            import_module("visionvalley.kernels.ahead").compile_ahead([self.source.stem])
            data = store.read(name)
        if data is None:
            return None
        return compiler.CompileResult._rebuild(target_context, *pickle.loads(data))  # noqa: S301

    def save_overload(self, signature: Any, result: Any) -> None:
        if TARGET_FIXED and store.target() == numba.config.CPU_NAME and not result.library.has_dynamic_globals:
            store.write(self.name(signature), serialize.dumps(result._reduce()))

    def enable(self) -> None:
        """Stay on."""

    def disable(self) -> None:
        """Stay on."""

    def flush(self) -> None:
        """Keep what is there: names tell what is stale."""


def assembly_of(dispatcher: Any, arguments: Any) -> str:
    """Return the machine code of one signature of an entry point, in words, as it is kept."""
    library = dispatcher.overloads[arguments].library
    return str(library._codegen._tm.emit_assembly(library._get_module_for_linking()))


def traits(assembly: str) -> dict[str, list[str]]:
    """Return the functions that x86 code calls, and its instructions that only estimate: bits that may differ."""
    return {"calls": sorted(set(CALL.findall(assembly))), "estimates": sorted(set(ESTIMATE.findall(assembly)))}


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Mark an entry point, with the signatures it is called with (for compilation ahead of use).

    signatures  Numba signature strings, such as 'void(float32[:, ::1], int64)'; read-only arrays
                are another type to Numba: pass writable ones.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**OPTIONS)(function)
        dispatcher._cache = ObjectCache(function)
        dispatcher.declared = signatures
        ENTRY_POINTS.setdefault(Path(function.__code__.co_filename).stem, []).append(dispatcher)
        return dispatcher

    return decorate


class _InnerLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of an inner function: made smaller, to be compiled with what calls it."""

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class _InnerCompiler(compiler.Compiler):  # type: ignore[misc]
    """Compile an inner function as far as its callers need it: no machine code, no way in from Python."""

    def define_pipelines(self) -> Any:
        self.state.library = _InnerLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.flags.no_compile = True
        return super().define_pipelines()

    def _compile_core(self) -> Any:
        function, result = self.state.func_id.func, super()._compile_core()

        ordinary = numba.njit(**OPTIONS)(function)  # compiled only if Python calls it

        def called_from_python(*arguments: Any) -> Any:
            return ordinary(*arguments)

        self.state.targetctx.insert_user_function(called_from_python, result.fndesc, [result.library])
        return result._replace(entry_point=called_from_python)


class _InnerDispatcher(registry.CPUDispatcher):  # type: ignore[misc]
    """A function that is compiled into others; optimised there, and once for whole numbers known and unknown."""

    def add_overload(self, result: Any) -> None:
        self.overloads[tuple(result.signature.args)] = result

    def get_call_template(self, args: Any, kws: Any) -> Any:
        def known_or_not(one: Any) -> Any:
            return types.unliteral(one) if isinstance(one, types.IntegerLiteral) else one  # type: ignore[attr-defined]

        return super().get_call_template(
            tuple(map(known_or_not, args)), {name: known_or_not(one) for name, one in kws.items()}
        )


def _inner(function: Callable[..., Any], **options: Any) -> Any:
    here = {"nopython": True, "boundscheck": None, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return _InnerDispatcher(function, targetoptions=here | OPTIONS | options, pipeline_class=_InnerCompiler)


def inner(function: Callable[..., Any]) -> Any:
    """Mark a function that is compiled into others."""
    return _inner(function)


def bare(function: Callable[..., Any]) -> Any:
    """Mark an inner function that makes no array.

    It counts no references: two atomic instructions for each array that it is given, on memory that all threads
    share, cost more than most such functions do.
    """
    return _inner(function, _nrt=False)


def inlined(function: Callable[..., Any]) -> Any:
    """Mark a bare function that is copied into its callers whatever its size.

    A call hands over seven numbers or more for each array, on the stack, which costs more than a short function does.
    """
    return _inner(function, _nrt=False, forceinline=True)


def declared(dispatcher: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the argument types and the return type of each declared signature."""
    for signature in dispatcher.declared:
        yield sigutils.normalize_signature(signature)


def undeclared(dispatcher: Any) -> list[tuple[Any, ...]]:
    """Return the argument types that an entry point was compiled for without having declared them."""
    known = {arguments for arguments, _ in declared(dispatcher)}
    return [arguments for arguments in dispatcher.signatures if arguments not in known]


def _hold_compiler() -> None:
    compiler_lock.acquire()


def _let_go_compiler() -> None:
    with contextlib.suppress(RuntimeError):
        compiler_lock.release()


compiler_lock = numba.core.compiler_lock.global_compiler_lock
if hasattr(os, "register_at_fork"):  # a child must not inherit the lock of a thread that it does not have
    os.register_at_fork(before=_hold_compiler, after_in_parent=_let_go_compiler, after_in_child=_let_go_compiler)
