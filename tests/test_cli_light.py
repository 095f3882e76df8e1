# SPDX-License-Identifier: Apache-2.0
"""Asking the command for help loads nothing heavy."""

import pytest

from test_light_import import HEAVY, modules_after


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["inspect", "--help"], ["doctor", "--help"]])
def test_help_brings_nothing_heavy(arguments):
    code = (
        f"import sys; sys.argv = ['valley', *{arguments!r}]\n"
        "from visionvalley.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
    )
    assert not modules_after(code) & HEAVY
