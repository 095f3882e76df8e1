# SPDX-License-Identifier: Apache-2.0
"""Compile kernels before they are needed, in parallel processes.

`store.missing` asks without Numba what lacks object code; `compile_ahead` starts one process a CPU
and hands each the entry point that costs most of those left, first from the files it has already
begun (their inner functions are compiled there).
"""

from __future__ import annotations

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
SERVE = "import sys; sys.path.insert(0, {root!r}); from visionvalley.kernels.ahead import serve; serve()"


class CompilationFailed(RuntimeError):
    """A kernel does not compile, or the process that compiled it died."""


@dataclass(slots=True)
class _Task:
    stem: str
    index: int
    name: str
    cost: int


@dataclass(slots=True)
class _Plan:
    """What is left to do, and which process has begun which file."""

    left: list[_Task]
    lock: Lock = field(default_factory=Lock)
    begun: dict[str, int] = field(default_factory=dict)

    def next(self, process: int) -> _Task | None:
        with self.lock:
            mine = [t for t in self.left if self.begun.get(t.stem, process) == process]
            if not self.left:
                return None
            task = max(mine or self.left, key=lambda t: t.cost)
            self.left.remove(task)
            self.begun.setdefault(task.stem, process)
            return task


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
    helpers = [_Helper()]
    try:
        tasks = [_Task(**t) for t in helpers[0].ask(list=wanted)["tasks"]]
        helpers += [_Helper() for _ in range(min(processes or available(), len(tasks)) - 1)]
        return _conduct(helpers, tasks, wanted, report or (lambda done, all, name: None))
    finally:
        for helper in helpers:
            helper.stop()


def _conduct(helpers: list[_Helper], tasks: list[_Task], stems: Sequence[str], report: Report) -> dict[str, float]:
    plan, answers, total = _Plan(list(tasks)), SimpleQueue[Any](), len(tasks)
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

    def __init__(self) -> None:
        code = SERVE.format(root=str(store.HERE.parent.parent))
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


def serve() -> None:
    """Answer the questions of `compile_ahead` until it stops asking."""
    answers, sys.stdout = sys.stdout, sys.stderr
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
            {"stem": stem, "index": i, "name": f"{stem}.{d.py_func.__name__}", "cost": _cost(d, set())}
            for stem in stems
            for i, d in enumerate(entry_points(stem))
        ]
    }


def _cost(dispatcher: Any, seen: set[int]) -> int:
    """Guess what a function costs to compile: the bytes of its code and of all that it calls."""
    function = dispatcher.py_func
    if id(function) in seen:
        return 0
    seen.add(id(function))
    named = [function.__globals__.get(name) for name in function.__code__.co_names]
    called = [
        one for one in (*named, *(c.cell_contents for c in function.__closure__ or ())) if hasattr(one, "py_func")
    ]
    return len(function.__code__.co_code) + sum(_cost(one, seen) for one in called)


def _compiled(stem: str, index: int) -> dict[str, Any]:
    compilation = import_module("visionvalley.kernels.compilation")
    dispatcher, began = entry_points(stem)[index], time.perf_counter()
    files = {}
    for arguments, _ in compilation.declared(dispatcher):
        dispatcher.compile(arguments)
        files[dispatcher._cache.name(arguments)] = {"kernel": dispatcher.py_func.__name__} | dispatcher._cache.traits(
            arguments
        )
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
