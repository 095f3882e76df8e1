# SPDX-License-Identifier: Apache-2.0
"""The shortcuts of a compiling process change nothing in what is compiled."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"
COMPILE = """
import sys
sys.path.insert(0, {source!r})
from visionvalley.kernels import ahead, compilation, shortcuts, store
store.read = lambda name: None
store.write = lambda name, data: False
if {short}:
    shortcuts.take_all()
for stem in ("best_fit", "starts", "symmetric"):
    for dispatcher in ahead.entry_points(stem):
        for arguments, _ in compilation.declared(dispatcher):
            dispatcher.compile(arguments)
            print(compilation.assembly_of(dispatcher, arguments))
"""


def test_the_same_machine_code_comes_out_with_and_without_shortcuts():
    env = os.environ | {"PYTHONHASHSEED": "0"}  # names in the machine code follow the order of a set
    code = [COMPILE.format(source=str(SOURCE), short=short) for short in (False, True)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", one], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        for one in code
    ]
    (long, long_error), (short, short_error) = [run.communicate(timeout=300) for run in runs]
    assert (long_error, short_error) == ("", "")
    assert long.count(".weak") >= 5
    assert short == long


LATE = """
import sys
sys.path.insert(0, {source!r})
from visionvalley.kernels import shortcuts
shortcuts.take_all()
from numba.core.registry import cpu_target
context = cpu_target.target_context
for _ in range(2):
    context.refresh()

def asked():
    pass

next(iter(context._registries)).lower(asked)(lambda *given: None)
context.refresh()
print(len(context._defns[asked].versions))
"""


def test_what_is_registered_late_is_found():
    """An intrinsic registers itself when it is met for the first time, without any import."""
    found = subprocess.run(
        [sys.executable, "-c", LATE.format(source=str(SOURCE))], capture_output=True, text=True, check=True
    )
    assert found.stdout == "1\n"
