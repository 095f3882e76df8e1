# SPDX-License-Identifier: Apache-2.0
"""Where a run cannot be recorded there is one clear error and its results stand; nothing that is killed stays half."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests import reports

from visionvalley.applications.manufacturing.settings import Settings
from visionvalley.core import BadInput
from visionvalley.records import Records, RunRecord, database, find, keep, one, tables
from visionvalley.runs import folder as folders
from visionvalley.runs.conducting import Job, Keeping, conduct

ROOT = Path(__file__).parent.parent


def run(number: int = 0) -> RunRecord:
    return RunRecord(f"{number:012x}", "manufacturing.x", {}, {}, (), "2026-01-01T00:00:00+00:00", "Ana")


def refusal(records: Records) -> BadInput:
    with pytest.raises(BadInput) as caught:
        keep(run(1), {}, records)
    assert all(caught.value.render())
    return caught.value


@pytest.fixture
def records(tmp_path) -> Records:
    there = Records(tmp_path / "kept", patience_s=0.2)
    keep(run(), {}, there)
    return there


def test_the_migrations_make_the_tables_that_the_program_knows(records):
    with database.reading(records) as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    config = Config()
    config.set_main_option("script_location", "visionvalley.records:migrations")
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(steps)) == database.KNOWN


def test_a_locked_database_is_waited_for_and_then_told(records):
    other = sqlite3.connect(records.file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    assert refusal(records).message.id == "records.locked"
    patient = Records(records.folder, patience_s=20.0)
    threading.Thread(target=lambda: (time.sleep(0.3), other.execute("COMMIT"), other.close())).start()
    assert keep(run(2), {}, patient) == run(2).id


def test_a_newer_database_is_left_alone(records):
    with sqlite3.connect(records.file) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    assert refusal(records).message.id == "records.newer"
    assert "9999" in refusal(records).what


def test_an_older_database_is_brought_up_to_date(tmp_path):
    there = Records(tmp_path / "kept")
    there.folder.mkdir()
    sqlite3.connect(there.file).close()
    assert find(records=there) == ()
    assert keep(run(), {}, there) == one(run().id, there).id


@pytest.mark.parametrize(
    ("content", "message"), [(b"this is no database" * 300, "damaged"), (b"SQLite format 3\0" + b"\xff" * 5000, "")]
)
def test_a_damaged_database_is_told(tmp_path, content, message):
    there = Records(tmp_path)
    there.file.write_bytes(content)
    assert refusal(there).message.id.startswith(f"records.{message}")
    assert there.file.read_bytes() == content


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/records"])
def test_a_folder_where_nothing_can_be_written_is_told(place):
    assert refusal(Records(Path(place))).message.id in {"records.read_only", "records.unreachable"}


def test_a_file_system_that_is_read_only_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert refusal(Records(tmp_path / "kept")).message.id == "records.read_only"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://ana:s3cret@127.0.0.1:1/none", "unreachable"),
        ("mysql://here/there", "bad_url"),
        ("no address", "bad_url"),
    ],
)
def test_an_address_that_does_not_answer_is_told_without_its_password(tmp_path, url, message):
    pytest.importorskip("psycopg")
    said = refusal(Records(tmp_path, url, patience_s=1.0))
    assert said.message.id == f"records.{message}"
    assert "s3cret" not in str(said)


def plate(output: Path) -> Job:
    return Job("manufacturing.plate", {}, {}, Settings(), lambda _: reports.report(), output)


def quick_report(monkeypatch) -> None:
    """Write reports of two small files, so that tests take no time."""

    def write(folder, report, under, language="en"):
        (folder / "result.json").write_text('{"measurements": [], "features": []}')
        (folder / "report.html").write_text(under.id)

    monkeypatch.setattr("visionvalley.report.folder.write_report", write)


def test_the_results_stand_where_the_run_is_not_recorded(tmp_path, monkeypatch, capsys):
    from visionvalley.cli.terminal import show_record

    quick_report(monkeypatch)
    done = conduct(plate(tmp_path / "out"), Keeping(records=Records(Path("/proc/nowhere"))))
    assert {path.name for path in done.folder.iterdir()} == {"result.json", "report.html"}
    assert done.not_recorded is not None
    show_record(done, quiet=True)
    out, said = capsys.readouterr()
    assert out == ""
    assert "not recorded" in said
    assert "VALLEY_RECORDS" in said


def test_a_run_is_recorded_with_everything_that_makes_it_again(tmp_path, monkeypatch):
    quick_report(monkeypatch)
    there = Records(tmp_path / "kept")
    (tmp_path / "scan.ply").write_bytes(b"ply")
    job = Job("manufacturing.plate", {"a": 1}, {"scan": tmp_path / "scan.ply"}, Settings(tolerance_m=1e-4),
              lambda _: reports.report(), tmp_path / "out", {"draws": 3})  # fmt: skip
    done = conduct(job, Keeping("Ana", 30, inputs=True, records=there))
    kept = one(done.id, there)
    assert kept.settings == {"tolerance_m": 1e-4, "alignment": "zone", "noise_m": None, "scale": 0.0}
    assert (kept.arguments, kept.seeds, kept.owner) == ({"a": 1}, {"draws": 3}, "Ana")
    assert kept.inputs[0].path == str(tmp_path / "scan.ply")
    assert {"visionvalley", "source", "python", "numpy", "numba"} <= kept.versions.keys()
    assert {"target", "features", "threads"} <= kept.machine.keys()
    assert kept.keep_until > kept.started
    assert [each.name for each in kept.artefacts] == ["report.html", "result.json", "inputs/scan/scan.ply"]


def test_an_input_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    quick_report(monkeypatch)
    scan = tmp_path / "scan.ply"
    scan.write_bytes(b"ply")
    job = Job("x.y", {}, {"scan": scan}, Settings(), lambda _: scan.write_bytes(b"longer") and reports.report(),
              tmp_path / "out")  # fmt: skip
    with pytest.raises(BadInput) as caught:
        conduct(job)
    assert caught.value.message.id == "runs.changed_meanwhile"
    assert not (tmp_path / "out").exists()


def test_what_a_killed_process_left_beside_a_folder_is_cleared_away(tmp_path):
    for name in (".out-abcd1234", ".out-old-abcd1234", ".out-in-use-12", ".other-abcd1234"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out-old-abcd1234" / "out").mkdir()
    (tmp_path / ".out-old-abcd1234" / "out" / "result.json").write_text("{}")
    held = folders._locked(tmp_path / ".out-abcd1234")
    folders.sweep(tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out-abcd1234", ".out-in-use-12", ".other-abcd1234"}
    assert (tmp_path / "out" / "result.json").exists()
    os.close(held)
    folders.sweep(tmp_path / "out")
    assert not (tmp_path / ".out-abcd1234").exists()


def test_nothing_is_lost_in_ten_kills_and_five_full_disks():
    command = [sys.executable, "-m", "bench.faults", "--kills", "10", "--full", "5", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost, half-written or left behind: 0" in done.stdout
    assert "10 kills" in done.stdout
