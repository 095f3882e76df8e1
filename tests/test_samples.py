# SPDX-License-Identifier: Apache-2.0
"""Samples are found in the order of their places, or downloaded, and a bad network is one clear error."""

import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from visionvalley.cli.main import app
from visionvalley.core import BadInput, text
from visionvalley.samples import download, find, finding, list_samples
from visionvalley.samples.table import Sample, SourceFile, table

CONTENT = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Serves CONTENT under any path; what it does wrong is set by the test."""

    cuts = 0  # how many answers end in the middle
    status = 200
    content = CONTENT
    knows_ranges = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = []


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        first = self.headers.get("Range")
        server.asked.append((self.path, first))
        if server.status != 200:
            self.send_response(server.status)
            self.end_headers()
            return
        start = int(first.removeprefix("bytes=").rstrip("-")) if first and server.knows_ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        end = start + 100_000 if server.cuts > 0 else len(server.content)
        server.cuts -= 1
        self.wfile.write(server.content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A local host of one sample of one file, no data anywhere, and an empty cache."""
    one = Server()
    thread = threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    source = SourceFile(
        "a b.bin", "who/what", "c0ffee", "in/a b.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    )
    sample = Sample("toy", "objects/toy", text("samples.about_parts"), "MIT", len(CONTENT), True, (source,))
    monkeypatch.setattr(finding, "table", lambda: (sample,))
    monkeypatch.setattr(finding, "CHECKOUT", tmp_path / "nowhere")
    monkeypatch.setattr(download, "WAIT_S", 0.0)
    monkeypatch.setattr(download, "PIECE_BYTES", 1000)
    monkeypatch.setenv("VALLEY_MIRROR", f"http://127.0.0.1:{one.server_port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("VALLEY_DATA", raising=False)
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


def left_over(tmp_path):
    return sorted(one.name for one in (tmp_path / "cache").rglob("*") if one.is_file())


class Watched:
    """Progress that remembers."""

    def __init__(self):
        self.steps, self.done = None, 0

    def begin(self, stage, steps):
        self.steps = steps

    def advance(self, steps=1):
        self.done += steps

    def end(self):
        pass


def test_a_sample_is_downloaded_once_and_checked(server, tmp_path):
    progress = Watched()
    folder = find("toy", progress=progress)
    assert (folder / "a b.bin").read_bytes() == CONTENT
    assert server.asked == [("/who/what/c0ffee/in/a%20b.bin", None)]
    assert progress.steps == progress.done == len(CONTENT)
    assert find("toy") == folder
    assert find("objects/toy/a b.bin", offline=True) == folder / "a b.bin"
    assert len(server.asked) == 1
    assert left_over(tmp_path) == ["a b.bin"]


def test_a_cut_download_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = 2
    progress = Watched()
    folder = find("toy", progress=progress)
    assert (folder / "a b.bin").read_bytes() == CONTENT
    assert [first for _, first in server.asked] == [None, "bytes=100000-", "bytes=200000-"]
    assert progress.done == len(CONTENT)


def test_a_download_that_is_cut_again_and_again_is_kept_for_the_next_call(server, tmp_path, monkeypatch):
    server.cuts = 1
    monkeypatch.setattr(download, "TRIES", 1)
    with pytest.raises(BadInput) as raised:
        find("toy")
    assert raised.value.message.id == "samples.no_network"
    assert left_over(tmp_path) == ["a b.bin.part"]
    find("toy")
    assert [first for _, first in server.asked] == [None, "bytes=100000-"]
    assert left_over(tmp_path) == ["a b.bin"]


def test_a_host_that_knows_no_ranges_sends_all_again(server):
    server.cuts, server.knows_ranges = 1, False
    assert (find("toy") / "a b.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[::-1], CONTENT[:-1], CONTENT + b"x"])
def test_a_file_that_is_not_what_it_was_is_thrown_away(server, content, tmp_path):
    server.content = content
    with pytest.raises(BadInput) as raised:
        find("toy")
    assert raised.value.message.id in ("samples.changed", "samples.no_network")
    assert "a b.bin" not in left_over(tmp_path)
    server.content = CONTENT
    assert (find("toy") / "a b.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "id"), [(404, "samples.gone"), (410, "samples.gone"), (503, "samples.no_network")])
def test_a_host_that_refuses_is_one_clear_error(server, status, id, tmp_path):
    server.status = status
    with pytest.raises(BadInput) as raised:
        find("toy")
    assert raised.value.message.id == id
    assert left_over(tmp_path) == []


def test_no_network_is_one_clear_error(server, monkeypatch):
    monkeypatch.setenv("VALLEY_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(BadInput) as raised:
        find("toy")
    assert raised.value.message.id == "samples.no_network"
    assert "VALLEY_DATA" in raised.value.fix


def test_the_proxy_of_the_environment_is_asked(server, monkeypatch):
    monkeypatch.setenv("VALLEY_MIRROR", "http://data.example")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    assert (find("toy") / "a b.bin").read_bytes() == CONTENT
    assert server.asked[0][0].startswith("http://data.example/")


def test_offline_never_asks(server):
    with pytest.raises(BadInput) as raised:
        find("toy", offline=True)
    assert raised.value.message.id == "samples.offline"
    assert server.asked == []


def test_the_named_folder_comes_before_the_cache_and_must_have_all_of_it(server, tmp_path, monkeypatch):
    cached = find("toy")
    mine = tmp_path / "mine" / "objects" / "toy"
    mine.mkdir(parents=True)
    monkeypatch.setenv("VALLEY_DATA", str(tmp_path / "mine"))
    assert find("toy") == cached  # mine is empty
    (mine / "a b.bin").write_bytes(CONTENT)
    assert find("toy") == mine


def test_a_sample_that_is_not_public_says_where_to_put_it(server, monkeypatch):
    (sample,) = finding.table()
    monkeypatch.setattr(finding, "table", lambda: (replace(sample, complete=False, files=()),))
    with pytest.raises(BadInput) as raised:
        find("toy")
    assert raised.value.message.id == "samples.not_public"
    assert "objects/toy" in raised.value.fix
    with pytest.raises(BadInput, match="toy"):
        find("no such thing")


def test_the_table_names_every_sample_once_with_words_and_a_whole_address():
    names = [one.name for one in table()]
    assert len(set(names)) == len(names) == 24
    for one in table():
        assert str(one.description)
        assert one.complete <= bool(one.files)
        for file in one.files:
            assert len(file.sha256) == 64
            assert len(file.commit) == 40
            assert ".." not in file.file
            assert not file.file.startswith("/")
        if one.complete:
            assert sum(file.bytes for file in one.files) == one.bytes


def test_samples_that_are_here_have_the_size_of_the_table():
    here = [one for one in list_samples() if one.here]
    for one in here:
        assert all((one.here / file.file).stat().st_size == file.bytes for file in one.files)


def test_the_verb_lists_and_finds(server):
    runner = CliRunner()
    listed = runner.invoke(app, ["samples"])
    assert listed.exit_code == 0
    assert "toy" in listed.output
    assert max(map(len, listed.output.splitlines())) <= 80
    table_ = json.loads(runner.invoke(app, ["samples", "--json"]).output)
    assert table_[0]["name"] == "toy"
    assert table_[0]["here"] is None
    found = runner.invoke(app, ["samples", "toy", "--quiet"])
    assert found.exit_code == 0
    assert found.output.strip().endswith("objects/toy")
