# SPDX-License-Identifier: Apache-2.0
"""The public names of every package: none is lost unnoticed.

A name is public that a package's `__init__` has in `__all__`, or that a module of the vision wing, the
samples or the applications defines without an underscore. After a removal that is meant:

    python tests/test_public_names.py --renew
"""

import ast
import json
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "visionvalley"
KEPT = Path(__file__).parent / "public_names.json"
MODULES_OF = ("vision", "samples", "applications")


def public_names() -> dict[str, list[str]]:
    """Return the public names of each package and module that has some."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        inside = file.relative_to(PACKAGE)
        module = ".".join(["visionvalley", *inside.with_suffix("").parts]).removesuffix(".__init__")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = exported(tree) if file.name == "__init__.py" else set()
        if inside.parts[0] in MODULES_OF and not file.stem.startswith("_"):
            names |= defined(tree)
        if names:
            found[module] = sorted(names)
    return found


def exported(tree: ast.Module) -> set[str]:
    """Return the names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == ["__all__"]:
            return set(ast.literal_eval(node.value))
    return set()


def defined(tree: ast.Module) -> set[str]:
    """Return the public functions and classes that a module defines."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


def test_no_public_name_was_lost():
    kept, there = json.loads(KEPT.read_text(encoding="utf-8")), public_names()
    lost = {module: gone for module, names in kept.items() if (gone := sorted(set(names) - set(there.get(module, ()))))}
    assert lost == {}, f"renew with: python {Path(__file__).name} --renew"


def test_every_exported_name_is_there():
    for module, names in public_names().items():
        loaded = __import__(module, fromlist=["*"])
        assert [name for name in names if not hasattr(loaded, name)] == [], module


def test_a_lost_name_would_be_found():
    tree = ast.parse("__all__ = ['read', 'write']\ndef read(): ...\nclass _Hidden: ...\nclass Shown: ...\n")
    assert exported(tree) == {"read", "write"}
    assert defined(tree) == {"read", "Shown"}


if __name__ == "__main__" and sys.argv[1:] == ["--renew"]:
    KEPT.write_text(json.dumps(public_names(), indent=1) + "\n", encoding="utf-8")
