# SPDX-License-Identifier: Apache-2.0
"""The numbered examples run, in an empty folder, and say something."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from visionvalley.core import BadInput
from visionvalley.samples import find

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def test_examples_are_numbered_without_a_gap():
    assert [int(file.name[:2]) for file in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    assert EXAMPLES
    assert all(re.fullmatch(r"\d\d_[a-z_0-9]+\.py", file.name) for file in EXAMPLES)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_explains_itself_and_runs(file, tmp_path):
    title = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert title
    assert re.match(r"[A-Z][^\n]+[.:]", title)
    for name in re.findall(r'find\("([^"]+)"\)', file.read_text(encoding="utf-8")):
        try:
            find(name, offline=True)
        except BadInput as error:
            pytest.skip(f"{file.name} needs data that are not here: {error.what}")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(file)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""
