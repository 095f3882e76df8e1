# SPDX-License-Identifier: Apache-2.0
"""Runs are kept whole, found, pruned and erased: in SQLite, and in PostgreSQL where it is installed."""

import contextlib
import hashlib
import itertools
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from visionvalley.core import BadInput
from visionvalley.records import (
    InputFile,
    Records,
    RunRecord,
    Wanted,
    artefact_path,
    database,
    erase,
    find,
    keep,
    one,
    prune,
    state,
    tables,
)
from visionvalley.records import artefacts as files
from visionvalley.records.locking import locked

NUMBERS = itertools.count(0xABC000000000)


def run(**about) -> RunRecord:
    """Return a run of which everything is known."""
    usual = {
        "id": f"{next(NUMBERS):x}",
        "application": "manufacturing.inspection",
        "arguments": {"scan_unit": "mm"},
        "settings": {"tolerance_m": 2e-4, "noise_m": None},
        "inputs": (InputFile("scan", "Block-7.ply", "/data/Block-7.ply", "a1" * 32, 12_345_678_901),),
        "started": "2026-02-03T04:05:06+00:00",
        "owner": "Ana",
        "verdict": "pass",
        "seconds": {"runs.read": 0.1 + 0.2},
        "results": {"measurements": [{"name": "profile", "value": 1.1e-4}], "features": []},
    }
    return RunRecord(**(usual | about))


def made(folder: Path, **contents: bytes) -> dict[str, Path]:
    """Write files and return them by name."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def on_disk(records: Records) -> set[str]:
    return {file.name for file in records.artefacts.rglob("*") if file.is_file()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_kept_is_found_whole(records, tmp_path):
    told = run(owner="Zoë 'x'; --", verdict=None, keep_until="2030-01-01T00:00:00+00:00")
    assert keep(told, made(tmp_path / "out", report=b"<html>", result=b"{}"), records) == told.id
    found = one(told.id.upper(), records)
    assert [(each.name, each.sha256, each.bytes) for each in found.artefacts] == [
        ("report", sha256(b"<html>"), 6),
        ("result", sha256(b"{}"), 2),
    ]
    known = [name for name in RunRecord.__slots__ if name != "artefacts"]
    assert {name: getattr(found, name) for name in known} == {name: getattr(told, name) for name in known}
    kept = artefact_path(found.artefacts[0], records)
    assert kept.read_bytes() == b"<html>"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o400
    assert stat.S_IMODE(records.folder.stat().st_mode) == 0o700
    assert not list(records.pending.iterdir())


def test_the_same_content_is_kept_once(records, tmp_path):
    for _ in range(3):
        keep(run(), made(tmp_path / "out", a=b"same", b=b"same"), records)
    assert on_disk(records) == {sha256(b"same")}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "dcba"),
        ({"limit": 2}, "dc"),
        ({"application": "manufacturing"}, "dcba"),
        ({"application": "manufacturing.in"}, ""),
        ({"application": "manufacturing.inspection"}, "dba"),
        ({"verdict": "fail"}, "b"),
        ({"verdict": "none"}, "c"),
        ({"owner": "Ana"}, "dca"),
        ({"input": "block"}, "ba"),
        ({"input": "%"}, ""),
        ({"input": "BBBBBB"}, "dc"),
        ({"since": "2026-03-02T00:00:00+00:00"}, "dc"),
        ({"until": "2026-03-02T00:00:00+00:00"}, "cba"),
        ({"since": "2026-03-02T00:00:00+00:00", "until": "2026-03-02T00:00:00+00:00", "owner": "Ana"}, "c"),
    ],
)
def test_runs_are_found_by_what_is_known_of_them(records, wanted, expected):
    other = (InputFile("scan", "wheel.ply", "/data/wheel.ply", "b" * 64, 1),)
    for name, about in {
        "a": {"started": "2026-03-01T00:00:00+00:00"},
        "b": {"started": "2026-03-01T00:00:00+00:00", "verdict": "fail", "owner": "Ben"},
        "c": {
            "started": "2026-03-02T00:00:00+00:00",
            "verdict": None,
            "inputs": other,
            "application": "manufacturing.x",
        },
        "d": {"started": "2026-03-03T00:00:00+00:00", "inputs": other},
    }.items():
        keep(run(arguments={"name": name}, **about), {}, records)
    assert "".join(each.arguments["name"] for each in find(Wanted(**wanted), records)) == expected


def test_an_id_is_found_by_its_beginning_if_that_is_the_only_one(records):
    for name in ("aaaa00000001", "aaaa00000002", "abcd00000003"):
        keep(run(id=name), {}, records)
    assert one("abcd", records).id == "abcd00000003"
    for written, message in (("aaaa", "ambiguous"), ("ffff", "unknown"), ("a", "short_id"), ("aa%_", "unknown")):
        with pytest.raises(BadInput) as caught:
            one(written, records)
        assert caught.value.message.id == f"records.{message}"


def test_a_run_that_is_erased_leaves_no_byte_behind(records, tmp_path, request):
    secret, also = b"confidential shape 1f7a", b"second secret 2b"
    told = run(
        owner="Mallory-Quillfeather",
        arguments={"note": "unrepeatable-note-77"},
        inputs=(InputFile("scan", "hush.ply", "/guests/hush.ply", "c" * 64, 5),),
    )
    keep(told, made(tmp_path / "out", shape=secret, more=also, shared=b"shared"), records)
    keep(run(rerun_of=told.id), made(tmp_path / "out2", shared=b"shared"), records)
    folders = [records.folder]
    if records.database:
        cluster = request.getfixturevalue("cluster")
        cluster.settle()
        folders.append(cluster.folder / "data" / "base")  # the server's own log goes when the server recycles it
    words = [secret, also, b"Quillfeather", b"unrepeatable-note", b"hush.ply", told.id.encode()]
    assert {word for word, _ in grep(folders, words)} == set(words)
    gone = erase([told.id], records)
    if records.database:
        cluster.settle()
    assert (gone.runs, gone.files, gone.bytes) == (1, 2, len(secret) + len(also))
    assert grep(folders, words) == []
    assert on_disk(records) == {sha256(b"shared")}
    assert [each.rerun_of for each in find(records=records)] == [None]


def grep(folders: list[Path], words: list[bytes]) -> list[tuple[bytes, str]]:
    """Return the files under folders in whose bytes or name a word stands, with the word."""
    found = []
    for file in (file for folder in folders for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes() + file.name.encode()
        found += [(word, str(file)) for word in words if word in content]
    return found


def test_the_state_is_another_wherever_other_runs_are_there(records):
    seen = [state(records)]
    first, second = run(), run()
    for change in (
        lambda: keep(first, {}, records), lambda: keep(second, {}, records),
        lambda: erase([second.id], records), lambda: keep(run(), {}, records),  # may take the number of the one erased
        lambda: erase([first.id], records),
    ):  # fmt: skip
        change()
        seen.append(state(records))
        assert state(records) == seen[-1]
    assert seen[3] == seen[1]  # the same run is there, and no other
    assert len({*seen}) == len(seen) - 1


def test_writers_of_one_process_wait_for_one_another_and_pass_on_what_fails(tmp_path):
    records, done = Records(tmp_path, patience_s=30.0), []
    database.prepare(records)

    def write(who: int) -> None:
        for n in range(20):
            with contextlib.suppress(ZeroDivisionError), database.writing(records) as connection:
                assert database._line(records).locked()
                connection.execute(tables.runs.delete())
                _ = 1 // ((n + who) % 3)
            done.append(who)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(list(range(8)) * 20)
    assert not database._line(records).locked()
    with database.reading(records):
        assert not database._line(records).locked()


def test_what_is_overdue_is_pruned_and_nothing_else(records, tmp_path):
    old, young = run(keep_until="2026-05-01T00:00:00+00:00"), run(keep_until="2026-07-01T00:00:00+00:00")
    for each in (old, young, run()):
        keep(each, made(tmp_path / "out", a=each.id.encode()), records)
    assert prune(records, "2026-06-01T00:00:00+00:00").runs == 1
    assert old.id not in {each.id for each in find(records=records)}
    assert len(on_disk(records)) == 2


def test_what_a_killed_process_left_is_swept_by_the_next(records, tmp_path):
    keep(run(), made(tmp_path / "out", a=b"held"), records)
    folder = records.pending / "dead"
    folder.mkdir()
    (folder / "0").write_bytes(b"half a fi")
    orphan = files.path_of(records, sha256(b"orphan"))
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"orphan")
    files.announce(folder, [sha256(b"orphan"), sha256(b"held")])
    with locked(records, alone=False):  # as long as somebody keeps, nothing is swept
        find(records=records)
        assert orphan.exists()
    find(records=records)
    assert on_disk(records) == {sha256(b"held")}
    assert not list(records.pending.iterdir())


def test_nothing_is_kept_of_a_run_whose_row_is_refused(records, tmp_path):
    told = run()
    keep(told, made(tmp_path / "out", a=b"first"), records)
    with pytest.raises(BadInput):
        keep(told, made(tmp_path / "out2", a=b"second"), records)
    assert on_disk(records) == {sha256(b"first")}
    assert len(find(records=records)) == 1


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.test_records import run
from visionvalley.records import Records, keep, erase
records, name = Records(Path(sys.argv[1]), sys.argv[2]), sys.argv[3]
out = Path(sys.argv[1]) / f"out-{name}"
out.mkdir(parents=True)
for n in range(6):
    (out / "own").write_text(f"{name} {n}")
    (out / "all").write_text("the same for all")
    told = run(id=f"{int(name):06x}{n:06x}", owner=name)
    keep(told, {"own": out / "own", "all": out / "all"}, records)
    if n % 3 == 2:
        erase([told.id], records)
"""


def test_several_processes_keep_and_erase_at_once(records):
    root = str(Path(__file__).parent.parent)
    words = [sys.executable, "-c", CHILD, str(records.folder), records.database]
    children = [subprocess.Popen([*words, str(n), root], stderr=subprocess.PIPE) for n in range(3)]
    said = [child.communicate(timeout=120)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0] * 3, said
    found = find(records=records)
    assert sorted(each.id for each in found) == [f"{p:06x}{n:06x}" for p in range(3) for n in (0, 1, 3, 4)]
    assert on_disk(records) == {each.sha256 for told in found for each in told.artefacts}
    assert all(sha256(artefact_path(a, records).read_bytes()) == a.sha256 for told in found for a in told.artefacts)


def test_ids_that_are_none_are_refused():
    for name in ("", "../../etc", "ABCDEF123456", "abc"):
        with pytest.raises(BadInput) as caught:
            run(id=name)
        assert caught.value.message.id == "records.bad_id"


def test_the_folder_is_where_the_environment_says(monkeypatch, tmp_path):
    from visionvalley.records import default_records

    monkeypatch.setenv("VALLEY_RECORDS", str(tmp_path / "here"))
    assert default_records() == Records(tmp_path / "here")
    monkeypatch.delenv("VALLEY_RECORDS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert default_records().folder == tmp_path / "share" / "visionvalley"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_records().folder == tmp_path / ".local" / "share" / "visionvalley"
    assert list(tmp_path.iterdir()) == []  # to ask makes nothing
