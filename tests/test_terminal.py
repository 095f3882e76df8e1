# SPDX-License-Identifier: Apache-2.0
"""What people see in the terminal."""

import os
import pty
import re
import subprocess
import sys

import pytest
from tests import reports

from visionvalley.cli import terminal
from visionvalley.core import SILENT, BadInput, Measurement, Report, Verdict, stage, text

WIDE = re.compile(r"[^\n]{81,}")


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch):
    for name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def on_a_terminal(code, **environment):
    """Run Python code with a terminal of 80 columns as its output and return what it wrote there."""
    ours, theirs = pty.openpty()
    known = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env={**known, **environment}
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    assert process.wait() == 0, said.decode()
    os.close(ours)
    return said.decode()


STAGES = """
import time
from visionvalley.cli.terminal import progress_bar
from visionvalley.core import stage
with progress_bar(quiet=False) as progress:
    with stage(progress, "runs.read", 10) as one:
        for _ in range(10):
            one.advance()
            time.sleep(0.02)
    with stage(progress, "runs.fuse"):
        with stage(progress, "runs.write", 2) as inner:
            inner.advance()
            time.sleep(0.15)
"""


def test_a_terminal_sees_bars_and_how_long_each_stage_took():
    said = on_a_terminal(STAGES)
    assert "Reading files" in said
    assert " left" in said
    assert re.search(r"✓.* Reading files, 0\.\d s", re.sub(r"\x1b\[[0-9;]*m", "", said))
    assert "Writing the report, " not in said  # an inner stage leaves no line
    assert said.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in said  # the cursor is back


def test_no_color_is_kept():
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", on_a_terminal(STAGES))
    assert not re.search(r"\x1b\[[0-9;]*[34][0-9]m", on_a_terminal(STAGES, NO_COLOR="1"))


def test_where_there_is_no_terminal_each_stage_is_one_line_on_stderr(capsys):
    with terminal.progress_bar(quiet=False) as progress:
        for name in ("runs.read", "runs.write"):
            with stage(progress, name, 3) as one:
                one.advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["Reading files", "Writing the report"]


def test_quiet_is_silent(capsys):
    with terminal.progress_bar(quiet=True) as progress:
        assert progress is SILENT
    terminal.say("hello", quiet=True)
    assert capsys.readouterr() == ("", "")
    terminal.say("hello [bold]", quiet=False)
    assert capsys.readouterr() == ("hello [bold]\n", "")


def test_an_error_says_what_why_and_what_to_do_on_stderr(capsys):
    error = BadInput("cli.bad_length", written="[red]x", units="mm, m")
    terminal.show_error(error)
    out, err = capsys.readouterr()
    told = " ".join(err.split())
    assert out == ""
    assert [told.index(part) for part in error.render()] == sorted(told.index(part) for part in error.render())
    assert not WIDE.search(err)


def test_an_interrupted_stage_leaves_the_terminal_as_it_was(capsys):
    with pytest.raises(KeyboardInterrupt), terminal.progress_bar(quiet=False) as bar, stage(bar, "runs.read"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "Reading files\n"


@pytest.mark.parametrize(
    ("verdict", "head"),
    [(Verdict.PASS, "✓ Pass"), (Verdict.FAIL, "✕ Fail"), (Verdict.CANNOT_SAY, "? Cannot say"), (None, "– Not judged")],
)
def test_the_verdict_comes_first_as_sign_and_word(verdict, head, capsys, tmp_path):
    terminal.show_report(reports.report(verdict), tmp_path)
    assert capsys.readouterr().out.strip().startswith(head)


def test_the_summary_holds_value_uncertainty_tolerance_and_place_in_80_columns(capsys, tmp_path):
    (tmp_path / "result.json").write_text("{}")
    terminal.show_report(reports.report(), tmp_path)
    said = capsys.readouterr().out
    assert re.search(r"Profile <of> a surface +0\.160 ± 0\.010 mm +0 to 0\.1\u202fmm +✕", said)
    assert re.search(r"Mean deviation +12\.0 ± 2\.0 µm", said)
    assert "k = 2" in said
    assert f"{tmp_path}/report.html\n" in said
    assert "Beside it: result.json\n" in said
    assert not WIDE.search(said.replace(str(tmp_path), ""))


def test_a_simulated_number_says_so_beside_itself(capsys, tmp_path):
    one = Measurement("profile", 1e-3, 1e-6, "m", (0.99e-3, 1.01e-3), simulated=True)
    terminal.show_report(reports.report(measurements=(one,), features=()), tmp_path)
    assert "± 0.010 mm (simulated)" in capsys.readouterr().out


def test_a_report_without_measurements_says_that(capsys, tmp_path):
    terminal.show_report(Report("manufacturing", text("runs.demo_title")), tmp_path)
    assert "Nothing was measured." in capsys.readouterr().out


def test_no_emoji_is_ever_printed(capsys, tmp_path):
    for verdict in (*Verdict, None):
        terminal.show_report(reports.report(verdict), tmp_path)
    said = capsys.readouterr().out
    assert set(re.findall("[^ -~\n\u202f]", said)) <= set("✓✕?–→─±µ−··+")


def test_the_demonstration_shows_each_scan_in_millimetres(capsys, tmp_path):
    from visionvalley.runs.conducting import Done
    from visionvalley.runs.demo import Demonstrated

    done = Done(reports.report(), tmp_path, "abc123def456", None, {"x": 70.0, "y": 5.0})
    found = Demonstrated(done, ("a.ply", "b.ply"), (37e-6, 1.25e-3), 199e-6)
    terminal.show_demo(found)
    said = capsys.readouterr().out
    assert re.search(r"a\.ply +0\.037 mm\s+b\.ply +1\.250 mm", said)
    assert "mean displacement 0.199 mm" in " ".join(said.split())
    assert "1 min 15 s" in said
    assert said.index("a.ply") < said.index("✕ Fail")
    assert not WIDE.search(said.replace(str(tmp_path), ""))


def test_a_simulated_demonstration_says_so_first(capsys, tmp_path):
    from visionvalley.runs.conducting import Done
    from visionvalley.runs.demo import Demonstrated

    done = Done(reports.report(simulated=True), tmp_path, "abc123def456", None, {})
    terminal.show_demo(Demonstrated(done, (), (), float("nan")))
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("? There are no real scans here, so this is a simulated part")
    assert "nan" not in said
