# SPDX-License-Identifier: Apache-2.0
"""What README and docs show is what happens."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from tests.data import sample

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONVENTIONS.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_six_lines_print_what_stands_below_them():
    sample("objects/bunny_scans")
    code, shown = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", README, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == shown


def test_every_verb_that_the_pages_name_is_there():
    from visionvalley.cli.main import GROUPS, VERBS

    verbs = {*VERBS, *GROUPS}
    named = {word for page in PAGES for word in re.findall(r"\bvalley (\w+)", page.read_text(encoding="utf-8"))}
    assert verbs <= named
    assert named <= verbs


def test_every_option_that_the_pages_name_is_there():
    import typer

    from visionvalley.cli.main import app

    commands = typer.main.get_command(app).commands
    for page in PAGES:
        for line in re.findall(r"^\$ (valley \w+.*?)(?:\s+#.*)?$", page.read_text(encoding="utf-8"), re.MULTILINE):
            _, verb, *words = shlex.split(line)
            inner = getattr(commands[verb], "commands", {})  # of a group: `valley runs show`
            command = next((inner[word] for word in words if word in inner), commands[verb])
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, line


def test_every_make_target_that_the_pages_name_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"`make (\w+)`", page.read_text(encoding="utf-8"))}
    assert named
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
