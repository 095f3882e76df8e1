# SPDX-License-Identifier: Apache-2.0
"""Which kernels a verb compiles: those that it can reach, no more, no fewer."""

import ast
import re
from pathlib import Path

import pytest

from visionvalley.cli import compiling
from visionvalley.kernels import store

PACKAGE = Path(__file__).parent.parent / "src" / "visionvalley"


def file_of(module: str) -> Path | None:
    """Return the file of a module of ours, None where the name is not one."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()), None)


def imported(file: Path) -> set[str]:
    """Return the modules of ours that a file imports, in its functions too, but not for the type check alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("visionvalley"):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("visionvalley")}
    return {name for name in names if file_of(name)}


def reached(module: str) -> set[str]:
    """Return every module that one can reach by imports."""
    seen, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += imported(file_of(one))
    return seen


@pytest.mark.parametrize("verb", compiling.KERNELS)
def test_a_verb_compiles_the_kernels_that_it_can_reach(verb):
    modules = reached(f"visionvalley.cli.{verb}")
    stems = {name.split(".")[2] for name in modules if re.match(r"visionvalley\.kernels\.\w+$", name)}
    assert set(compiling.KERNELS[verb]) == stems & set(store.stems())


def test_every_verb_that_needs_kernels_is_listed():
    verbs = {f.stem for f in (PACKAGE / "cli").glob("*.py")} - {"__init__", "main", "compiling", "terminal"}
    texts = {name: (PACKAGE / "cli" / f"{name}.py").read_text(encoding="utf-8") for name in verbs}
    helpers = {name for name in verbs if not re.search(rf"^def {name}\(", texts[name], re.MULTILINE)}
    needing = {
        verb
        for verb in verbs - helpers - {"warm", "doctor"}
        if any(re.match(r"visionvalley\.kernels\.", name) for name in reached(f"visionvalley.cli.{verb}"))
    }
    assert needing == set(compiling.KERNELS)
