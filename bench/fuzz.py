# SPDX-License-Identifier: Apache-2.0
"""Feed damaged files to every reader: each is either read or refused with BadInput, and nothing else happens.

    python -m bench.fuzz --count 100000
    python -m bench.fuzz --count 100000 --reader ply --save broken/

Workers with limits on memory and time do the reading, so that a hard crash or a hang is counted too, and the
input that caused it is saved. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import io as streams
import json
import multiprocessing as mp
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from visionvalley import io
from visionvalley.core import BadInput, Cloud, Mesh

OWN = ("ply", "pcd", "stl", "obj", "off", "xyz", "csv", "bin", "npz")
NATIVE = ("las", "laz", "e57", "3mf", "step")
MEMORY_BYTES = 1 << 30  # beyond what a worker has when it starts
PATIENCE_S = 20.0
LARGEST_SEED = 40_000
NUMBERS = [
    b"-1",
    b"0",
    b"nan",
    b"inf",
    b"1e400",
    b"99999999999",
    b"4294967296",
    b"2147483648",
    b"1e9",
    b"",
    b"x",
    b"1 " * 50,
]
INTS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]


def seeds(reader: str, folder: Path) -> list[bytes]:
    """Return small good files: some that we write, some real ones."""
    rng = np.random.default_rng(1)
    cloud = Cloud(
        rng.normal(size=(40, 3)), None, rng.integers(0, 255, (40, 3), np.uint8), {"intensity": rng.random(40)}
    )
    bare = Cloud(rng.normal(size=(40, 3)))
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    mesh = Mesh(corners, faces, rng.integers(0, 255, (4, 3), np.uint8))
    path = folder / f"seed.{reader}"
    found = []
    for write in _writers(reader, cloud, bare, mesh):
        write(path)
        found.append(path.read_bytes())
    data = Path(os.environ.get("VALLEY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    for real in sorted(data.rglob("*")) if data.is_dir() else ():
        if real.suffix.lower() == f".{reader}" and real.stat().st_size <= LARGEST_SEED:
            found.append(real.read_bytes())
    return found + _texts(reader)


def _writers(reader: str, cloud: Cloud, bare: Cloud, mesh: Mesh) -> list[Callable[[Path], None]]:
    from visionvalley.io import pcd, ply, stl

    if reader == "ply":
        kinds = ("ascii", "binary_little_endian", "binary_big_endian")
        return [lambda p, v=v, k=k: ply.write(p, v, "mm", k) for v in (cloud, mesh) for k in kinds]
    if reader == "pcd":
        kinds = ("ascii", "binary", "binary_compressed")
        return [lambda p, v=v, k=k: pcd.write(p, v, "mm", k) for v in (cloud, bare) for k in kinds]
    if reader == "stl":
        return [lambda p, k=k: stl.write(p, mesh, "mm", k) for k in ("ascii", "binary")]
    if reader == "step":
        return [_write_step]
    unit = "mm" if reader in ("obj", "off", "xyz", "csv", "3mf") else None
    values = (mesh,) if reader in ("obj", "off", "3mf") else (cloud, bare, mesh) if reader == "npz" else (cloud, bare)
    return [lambda p, v=v: io.write(p, v, unit) for v in values]


def _write_step(path: Path) -> None:
    from OCP.BRepPrimAPI import BRepPrimAPI_MakeCylinder
    from OCP.STEPControl import STEPControl_StepModelType, STEPControl_Writer

    writer = STEPControl_Writer()
    writer.Transfer(BRepPrimAPI_MakeCylinder(5.0, 10.0).Shape(), STEPControl_StepModelType.STEPControl_AsIs)
    writer.Write(str(path))


def _texts(reader: str) -> list[bytes]:
    """Return files that we do not write: lists, strips, odd headers."""
    if reader == "ply":
        lists = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        lists += b"element range_grid 4\nproperty list uchar int vertex_indices\nend_header\n"
        lists += b"0 0 0\n1 0 0\n0 1 0\n1 0\n0\n1 1\n1 2\n"
        faces = b"ply\nformat binary_big_endian 1.0\nelement vertex 3\nproperty list uchar float t\nproperty float x\n"
        faces += (
            b"property float y\nproperty float z\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n"
        )
        row = b"\x01" + np.array([1, 2, 3, 4], ">f4").tobytes()
        faces += (
            3 * row + b"\x03" + np.array([0, 1, 2], ">i4").tobytes() + b"\x04" + np.array([0, 1, 2, 0], ">i4").tobytes()
        )
        return [lists, faces]
    if reader == "obj":
        return [b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\nf 1/1/1 2//1 3/1 4\nf -4 -3 -2\n"]
    if reader == "off":
        return [b"OFF\n# a square\n4 1 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3 255 0 0\n"]
    if reader in ("xyz", "csv"):
        return [b"X;Y;Z;I\n1,5;2,5;3,5;7\n1,5;2,5;3,5;8\n", b"1 2 3 0 0 1 9 8 7 0.5\n4 5 6 0 1 0 3 2 1 0.25\n"]
    return []


def mutate(reader: str, seed: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a damaged copy of a good file."""
    if reader in ("3mf", "npz") and rng.random() < 0.7:
        return _inside_zip(seed, rng)
    data = _without_checks(seed) if reader == "e57" else seed
    for _ in range(int(rng.integers(1, 4))):
        data = _damaged(data, others, rng)
    return _with_checks(data) if reader == "e57" and rng.random() < 0.9 else data


def _without_checks(data: bytes) -> bytes:
    """Return the 1020 bytes of each page of an E57 file, without the check sum behind them."""
    return b"".join(data[at : at + 1020] for at in range(0, len(data), 1024))


def _with_checks(data: bytes) -> bytes:
    """Return pages with right check sums, so that the damage is seen by what reads the pages."""
    pages = [data[at : at + 1020].ljust(1020, b"\0") for at in range(0, len(data), 1020)]
    length = (1024 * len(pages)).to_bytes(8, "little")
    if pages and len(data) % 3:  # mostly with the right length in the header, too
        pages[0] = pages[0][:16] + length + pages[0][24:]
    return b"".join(page + _crc32c(page).to_bytes(4, "big") for page in pages)


_CASTAGNOLI = [0] * 256
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = _value >> 1 ^ (0x82F63B78 if _value & 1 else 0)
    _CASTAGNOLI[_byte] = _value


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = _CASTAGNOLI[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _damaged(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    kind, at = int(rng.integers(10)), int(rng.integers(len(data) + 1))
    if kind == 0:
        return data[:at]
    if kind == 1:
        flipped = bytearray(data)
        for where in rng.integers(len(data) or 1, size=int(rng.integers(1, 9))).tolist():
            if flipped:
                flipped[where] ^= 1 << int(rng.integers(8))
        return bytes(flipped)
    if kind == 2:
        return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at + int(rng.integers(9)) :]
    if kind == 3:
        return data[:at] + data[at + int(rng.integers(1, 200)) :]
    if kind == 4:
        return data[:at] + data[at : at + int(rng.integers(1, 200))] * int(rng.integers(1, 20)) + data[at:]
    if kind == 5:
        other = others[int(rng.integers(len(others)))]
        return data[:at] + other[int(rng.integers(len(other))) :]
    if kind == 6:
        value = INTS[int(rng.integers(len(INTS)))]
        width = int(rng.choice([1, 2, 4, 8]))
        at = min(at, 600) if rng.random() < 0.5 else at
        return data[:at] + (value & ((1 << 8 * width) - 1)).to_bytes(width, "little") + data[at + width :]
    if kind == 7:
        special = rng.choice([np.nan, np.inf, -np.inf, 1e308, -0.0, 1e-320])
        with np.errstate(over="ignore"):
            return data[:at] + np.array([special]).astype(rng.choice(["<f4", "<f8", ">f4"])).tobytes() + data[at + 4 :]
    return _lying(data, rng)


def _lying(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the text with one of its numbers replaced; those of the header first."""
    found = list(re.finditer(rb"-?\d[\d.e+-]*", data[: 600 if rng.random() < 0.7 else 20_000]))
    if not found:
        return data[::-1]
    one = found[int(rng.integers(len(found)))]
    return data[: one.start()] + NUMBERS[int(rng.integers(len(NUMBERS)))] + data[one.end() :]


def _inside_zip(seed: bytes, rng: np.random.Generator) -> bytes:
    """Return an archive whose parts are damaged, with right check sums, or that is a bomb."""
    out = streams.BytesIO()
    try:
        with zipfile.ZipFile(streams.BytesIO(seed)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
            parts = {entry.filename: before.read(entry) for entry in before.infolist()}
            hit = list(parts)[int(rng.integers(len(parts)))]
            for name, part in parts.items():
                damaged = _damaged(part, list(parts.values()), rng) if name == hit else part
                if name == hit and rng.random() < 0.002:
                    damaged = part + b" " * (80 << 20)
                after.writestr(name, damaged)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return seed[: len(seed) // 2]
    return out.getvalue()


@dataclass(slots=True)
class Tally:
    """What became of one reader's inputs."""

    reader: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    other: int = 0
    slowest_s: float = 0.0
    peak_bytes: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def one_input(reader: str, corpus: list[bytes], seed: int, index: int) -> bytes:
    """Return the input of a number; the same one every time."""
    rng = np.random.default_rng([seed, index])
    return mutate(reader, corpus[int(rng.integers(len(corpus)))], corpus, rng)


def read_one(reader: str, path: Path) -> bool:
    """Read a file in every way that its reader offers; whether it was accepted. Raises what is not BadInput."""
    unit = None if reader in ("las", "laz", "e57", "npz", "bin", "3mf", "step") else "mm"
    ways: list[Callable[[], object]] = [lambda: io.read(path, unit)]
    if reader == "ply":
        ways += [lambda: io.read_cloud(path, unit), lambda: list(io.read_chunks(path, unit, 7))]
    accepted = False
    for way in ways:
        try:
            way()
            accepted = True
        except BadInput as refusal:
            str(refusal)
    return accepted


def _work(
    reader: str, corpus: list[bytes], seed: int, first: int, step: int, count: int, shared: object, pipe: object
) -> None:
    """Read inputs first, first + step, ...; tells over the pipe, and the current number in shared memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries that talk
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _warm(reader, corpus)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY_BYTES,) * 2)
    start_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    tally = Tally(reader)
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        path = Path(folder) / f"input.{reader}"
        for index in range(first, count, step):
            shared[0], shared[1] = index, time.monotonic()  # type: ignore[index]
            path.write_bytes(one_input(reader, corpus, seed, index))
            began = time.perf_counter()
            try:
                accepted = read_one(reader, path)
                tally.accepted += accepted
                tally.refused += not accepted
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                tally.other += 1
                tally.broken.append(f"{index}: {type(error).__name__} {str(error)[:100]} {_place(error)}")
            tally.inputs += 1
            tally.slowest_s = max(tally.slowest_s, time.perf_counter() - began)
            tally.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - start_bytes
            if tally.inputs % 200 == 0:
                pipe.send(("so far", tally))  # type: ignore[attr-defined]
    pipe.send(("done", tally))  # type: ignore[attr-defined]


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"at {Path(frame.filename).name}:{frame.lineno}"


def _memory_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _warm(reader: str, corpus: list[bytes]) -> None:
    """Load the libraries before the limit is set, by reading one good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"good.{reader}"
        path.write_bytes(corpus[0])
        read_one(reader, path)


def run(reader: str, count: int, seed: int, workers: int, save: Path | None) -> Tally:
    """Feed `count` inputs to one reader."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = seeds(reader, Path(folder))
    total = Tally(reader)
    began = time.perf_counter()
    lanes = [_Lane(reader, corpus, seed, first, workers, count, save) for first in range(workers)]
    while any(not lane.finished for lane in lanes):
        for lane in lanes:
            lane.watch()
        time.sleep(0.01)
    for lane in lanes:
        for part in lane.parts:
            total.inputs += part.inputs
            total.accepted += part.accepted
            total.refused += part.refused
            total.other += part.other
            total.slowest_s = max(total.slowest_s, part.slowest_s)
            total.peak_bytes = max(total.peak_bytes, part.peak_bytes)
            total.broken += part.broken
    total.seconds = time.perf_counter() - began
    for line in total.broken if save else ():
        index = int(line.split(":")[0])
        save.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
        (save / f"{index}.{reader}").write_bytes(one_input(reader, corpus, seed, index))  # type: ignore[operator]
    return total


class _Lane:
    """One worker after another, each going on behind the input that stopped the one before."""

    def __init__(
        self, reader: str, corpus: list[bytes], seed: int, first: int, step: int, count: int, save: Path | None
    ) -> None:
        self.fixed = (reader, corpus, seed)
        self.step, self.count = step, count
        self.parts: list[Tally] = []
        self.finished = first >= count
        if not self.finished:
            self.start(first)

    def start(self, first: int) -> None:
        context = mp.get_context("spawn")
        self.first = first
        self.shared = context.Array("d", [first, time.monotonic() + PATIENCE_S])
        self.pipe, theirs = context.Pipe(duplex=False)
        self.so_far = Tally(self.fixed[0])
        self.process = context.Process(
            target=_work, args=(*self.fixed, first, self.step, self.count, self.shared, theirs)
        )
        self.process.start()
        theirs.close()

    def watch(self) -> None:
        if self.finished:
            return
        try:
            while self.pipe.poll():
                word, self.so_far = self.pipe.recv()
                if word == "done":
                    self.parts.append(self.so_far)
                    self.process.join()
                    self.finished = True
                    return
        except EOFError:
            pass
        hung = time.monotonic() - self.shared[1] > PATIENCE_S
        if hung and self.process.is_alive():
            self.process.kill()
        if not self.process.is_alive():
            self.process.join()
            self.broke(hung)

    def broke(self, hung: bool) -> None:
        """Count the input that stopped the worker, and go on behind it."""
        index = int(self.shared[0])
        part = self.so_far
        unreported = (index - self.first) // self.step - part.inputs  # read, but their fate died with the worker
        part.inputs += 1
        part.other += 1
        code = self.process.exitcode or 0
        why = "hung" if hung else signal.Signals(-code).name if code < 0 else f"exit {code}"
        part.broken.append(f"{index}: {why} ({unreported} inputs before it are not counted)")
        self.parts.append(part)
        if index + self.step < self.count:
            self.start(index + self.step)
        else:
            self.finished = True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="inputs a reader")
    parser.add_argument("--reader", choices=[*OWN, *NATIVE], action="append", help="only this one (may be repeated)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--save", type=Path, help="folder for the inputs that were neither read nor refused")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tallies = []
    if not arguments.json:
        titles = ("inputs", "read", "refused", "other", "slowest ms", "memory MiB", "a second")
        print("reader  " + "".join(f"{title:>11}" for title in titles))
    for reader in arguments.reader or [*OWN, *NATIVE]:
        tally = run(reader, arguments.count, arguments.seed, arguments.workers, arguments.save)
        tallies.append(tally)
        if not arguments.json:
            counts = (tally.inputs, tally.accepted, tally.refused, tally.other, round(tally.slowest_s * 1e3))
            rest = (tally.peak_bytes >> 20, round(tally.inputs / tally.seconds))
            print(f"{reader:8}" + "".join(f"{count:11}" for count in (*counts, *rest)))
            for line in tally.broken[:20]:
                print(f"    {line}")
            sys.stdout.flush()
    if arguments.json:
        print(json.dumps([{name: getattr(one, name) for name in Tally.__slots__} for one in tallies]))
    return int(any(one.other for one in tallies))


if __name__ == "__main__":
    sys.exit(main())
