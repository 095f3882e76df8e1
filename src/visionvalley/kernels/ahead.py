# SPDX-License-Identifier: Apache-2.0
"""Compile kernels before they are needed, in parallel processes.

`store.missing` asks without Numba what lacks object code; `compile_ahead` starts one process a CPU
and hands each the entry points that cost most, those rather whose inner functions it has compiled
already and the others have not.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from visionvalley.kernels import store
from visionvalley.kernels.threads import available

# Called with the entry points done, all there are, and the name of the one just compiled ('' at the start).
Report = Callable[[int, int, str], None]
SHARED = 4  # what a byte is worth that only this process need not compile again
SERVE = "import sys; sys.path.insert(0, {root!r}); from visionvalley.kernels.ahead import serve; serve({stems!r})"


class CompilationFailed(RuntimeError):
    """A kernel does not compile, or the process that compiled it died."""


@dataclass(slots=True)
class _Task:
    stem: str
    index: int
    name: str
    parts: dict[str, int]  # bytes of code: its own and of all inner functions that it calls

    def new(self, compiled: set[str]) -> int:
        """Guess what it costs where these inner functions are compiled."""
        return sum(size for part, size in self.parts.items() if part not in compiled)


@dataclass(slots=True)
class _Plan:
    """What is left to do, and which inner functions each process has compiled."""

    left: list[_Task]
    compiled: list[set[str]]
    lock: Lock = field(default_factory=Lock)

    def next(self, process: int) -> _Task | None:
        with self.lock:
            if not self.left:
                return None
            task = max(self.left, key=lambda one: self._worth(one, process))
            self.left.remove(task)
            self.compiled[process] |= task.parts.keys()
            return task

    def _worth(self, task: _Task, process: int) -> int:
        """The longest first, but what another process would have to compile anew much sooner."""
        mine = task.new(self.compiled[process])
        others = [task.new(have) for number, have in enumerate(self.compiled) if number != process]
        return task.new(set()) + SHARED * (min(others, default=mine) - mine)


def compile_ahead(
    stems: Sequence[str] | None = None, report: Report | None = None, processes: int | None = None
) -> dict[str, float]:
    """Compile every declared signature of these kernel files (of all, where none is named) that lacks object code.

    Returns the seconds that each entry point took, by its name; nothing where all was there. Raises
    CompilationFailed. What `report` raises stops the work.
    """
    wanted = store.missing(None if stems is None else tuple(stems))
    if not wanted:
        return {}
    helpers = [_Helper(wanted) for _ in range(min(processes or available(), _count(wanted)))]
    try:
        tasks = [_Task(**t) for t in helpers[0].ask(list=wanted)["tasks"]]
        return _conduct(helpers, tasks, wanted, report or (lambda done, all, name: None))
    finally:
        for helper in helpers:
            helper.stop()


def _count(stems: Sequence[str]) -> int:
    """Return how many entry points these files have, without importing them."""
    return sum((store.HERE / f"{stem}.py").read_text(encoding="utf-8").count("\n@kernel(") for stem in stems)


def _conduct(helpers: list[_Helper], tasks: list[_Task], stems: Sequence[str], report: Report) -> dict[str, float]:
    plan, answers, total = _Plan(list(tasks), [set() for _ in helpers]), SimpleQueue[Any](), len(tasks)
    for number, helper in enumerate(helpers):
        Thread(target=_drive, args=(number, helper, plan, answers), daemon=True).start()
    seconds: dict[str, float] = {}
    files: dict[str, dict[str, Any]] = {stem: {} for stem in stems}
    changed = set()
    stamps = {stem: store.stamp(store.HERE / f"{stem}.py") for stem in stems}
    report(0, total, "")
    for done in range(1, total + 1):
        answer = answers.get()
        if isinstance(answer, CompilationFailed):
            raise answer
        name, stem = answer["name"], answer["stem"]
        seconds[name] = answer["seconds"]
        files[stem] |= answer["files"]
        changed |= {stem} if answer["stamp"] != stamps[stem] else set()
        report(done, total, name)
    for stem, made in files.items():
        if stem not in changed and store.here(list(made)):
            store.mark_complete(store.HERE / f"{stem}.py", made)
    return seconds


def _drive(number: int, helper: _Helper, plan: _Plan, answers: SimpleQueue[Any]) -> None:
    while task := plan.next(number):
        try:
            answers.put(helper.ask(compile=[task.stem, task.index]))
        except CompilationFailed as error:
            answers.put(error)
            return


class _Helper:
    """A process that compiles; one question a line, one answer a line."""

    def __init__(self, stems: Sequence[str]) -> None:
        code = SERVE.format(root=str(store.HERE.parent.parent), stems=tuple(stems))
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the answer to one question. Raises CompilationFailed where it failed or the process died."""
        stdin, stdout = self.process.stdin, self.process.stdout
        try:
            if stdin is None or stdout is None:
                raise OSError("it has no pipes")
            stdin.write(json.dumps(question) + "\n")
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
        except (OSError, ValueError) as error:  # a process that died says nothing that is JSON
            raise CompilationFailed(f"{question}: the compiling process ended ({self.process.poll()})") from error
        if "error" in answer:
            raise CompilationFailed(answer["error"])
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


def serve(stems: Sequence[str] = ()) -> None:
    """Answer the questions of `compile_ahead` about these files until it stops asking."""
    answers, sys.stdout = sys.stdout, sys.stderr
    import_module("visionvalley.kernels.shortcuts").take_all()
    for stem in stems:
        with contextlib.suppress(Exception):  # said where it is asked for
            entry_points(stem)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = _tasks(question["list"]) if "list" in question else _compiled(*question["compile"])
        except Exception as error:
            answer = {"error": f"{_named(question)}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def _named(question: dict[str, Any]) -> str:
    if "list" in question:
        return ", ".join(question["list"])
    stem, index = question["compile"]
    return f"{stem}.{entry_points(stem)[index].py_func.__name__}"


def entry_points(stem: str) -> list[Any]:
    """Return the entry points of one kernel file."""
    compilation = import_module("visionvalley.kernels.compilation")
    import_module(f"visionvalley.kernels.{stem}")
    found: list[Any] = compilation.ENTRY_POINTS.get(stem, [])
    return found


def _tasks(stems: Sequence[str]) -> dict[str, Any]:
    return {
        "tasks": [
            {"stem": stem, "index": i, "name": f"{stem}.{d.py_func.__name__}", "parts": _parts(d, {})}
            for stem in stems
            for i, d in enumerate(entry_points(stem))
        ]
    }


def _parts(dispatcher: Any, found: dict[str, int]) -> dict[str, int]:
    """Return the bytes of the code of a function and of all that it calls."""
    function = dispatcher.py_func
    if str(id(function)) not in found:
        found[str(id(function))] = len(function.__code__.co_code)
        named = [function.__globals__.get(name) for name in function.__code__.co_names]
        for called in (*named, *(cell.cell_contents for cell in function.__closure__ or ())):
            if hasattr(called, "py_func"):
                _parts(called, found)
    return found


def _compiled(stem: str, index: int) -> dict[str, Any]:
    compilation = import_module("visionvalley.kernels.compilation")
    dispatcher, began = entry_points(stem)[index], time.perf_counter()
    files = {}
    for arguments, _ in compilation.declared(dispatcher):
        dispatcher.compile(arguments)
        files[dispatcher._cache.name(arguments)] = {"kernel": dispatcher.py_func.__name__}
    seconds = round(time.perf_counter() - began, 3)
    return {
        "name": f"{stem}.{dispatcher.py_func.__name__}",
        "stem": stem,
        "files": {name: about | {"seconds": seconds / len(files)} for name, about in files.items()},
        "stamp": store.stamp(Path(dispatcher.py_func.__code__.co_filename)),
        "seconds": seconds,
    }


def main() -> None:
    """Compile all that lacks object code, saying so."""
    began = time.perf_counter()

    def say(done: int, total: int, name: str) -> None:
        print(f"compiling kernels: {done} of {total} {name}", file=sys.stderr)  # noqa: T201

    if compile_ahead(report=say):
        print(f"kernels compiled in {time.perf_counter() - began:.0f} s", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
