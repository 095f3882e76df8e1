# SPDX-License-Identifier: Apache-2.0
"""Shortcuts through Numba for a process that does nothing but compile kernels: the same code in half the time.

Numba asks the same questions again and again: whether two sets of flags are equal, what the type of a sum is,
which variables a statement names, whether anybody has registered something since. Here each is asked once.
What comes out does not change, byte by byte (tests/test_shortcuts.py).
"""

from __future__ import annotations

import gc
import operator
import sys
from typing import Any

from llvmlite.binding import ffi
from numba.core import codegen, compiler_lock, cpu, ir, targetconfig
from numba.core.types.functions import BaseFunction

OPERATORS = frozenset(one for one in vars(operator).values() if callable(one) and hasattr(one, "__name__"))


def take_all() -> None:
    """Take all shortcuts in this process, for good."""
    gc.set_threshold(100_000, 50, 50)  # a compiler makes millions of objects that live as long as it does
    targetconfig.TargetConfig.__hash__ = _hash_of_flags
    targetconfig.TargetConfig.__eq__ = _same_flags
    ir.Inst._rec_list_vars = _variables
    BaseFunction.get_call_type = _call_type  # type: ignore[method-assign]
    cpu.CPUContext.load_additional_registries = _load
    ffi.lib._lock._cblist.clear()  # they count how often LLVM is called
    compiler_lock._CompilerLock.acquire = _acquire
    compiler_lock._CompilerLock.release = _release
    codegen.CPUCodeLibrary._optimize_functions = _optimize_functions


def _chosen(flags: Any) -> dict[str, Any]:
    options = flags.options
    return {name: value for name, value in flags._values.items() if value != options[name].default}


def _hash_of_flags(self: Any) -> int:
    return hash(frozenset(_chosen(self)))


def _same_flags(self: Any, other: Any) -> Any:
    if not isinstance(other, targetconfig.TargetConfig):
        return NotImplemented
    return self is other or (self.options.keys() == other.options.keys() and _chosen(self) == _chosen(other))


def _variables(self: Any, value: Any) -> list[Any]:
    found: list[Any] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[Any]) -> None:
    kind = type(value)
    if kind is str or kind is int or kind is ir.Loc or value is None:
        return
    if kind is ir.Var or isinstance(value, ir.Var):
        found.append(value)
    elif isinstance(value, ir.Inst):
        found.extend(value.list_vars())
    elif isinstance(value, (list, tuple)):
        for one in value:
            _gather(one, found)
    elif isinstance(value, dict):
        for one in value.values():
            _gather(one, found)


_call_type_of = BaseFunction.get_call_type
_known: dict[Any, Any] = {}


def _call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
    if kws or self.typing_key not in OPERATORS:
        return _call_type_of(self, context, args, kws)
    key = self, tuple(args), targetconfig.ConfigStack.top_or_none()
    if key not in _known:
        _known[key] = _call_type_of(self, context, args, kws)
    return _known[key]


def _acquire(self: Any) -> None:
    self._lock.acquire()


def _release(self: Any) -> None:
    self._lock.release()


_load_of = cpu.CPUContext.load_additional_registries
_imported = 0


def _load(self: Any) -> None:
    global _imported
    if not self._registries or _imported != len(sys.modules):
        _load_of(self)
        _imported = len(sys.modules)
    for registry in self._registries:  # an intrinsic that is met for the first time adds to one of them
        self.install_registry(registry)


def _optimize_functions(self: Any, module: Any) -> None:
    module.data_layout = self._codegen._data_layout
    passes, builder = self._codegen._function_pass_manager()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
