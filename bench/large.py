# SPDX-License-Identifier: Apache-2.0
"""Make a file of many points, voxel it chunk by chunk, and print the peak memory of the process.

python -m bench.large                           # 50 M points as LAZ and as PLY
python -m bench.large --points 5000000 --format laz --folder /tmp
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHUNK = 1_000_000
SIDE_M, VOXEL_M = 500.0, 0.5


def points_of(number: int, count: int) -> np.ndarray:
    """Return one chunk of a hilly landscape of 500 m by 500 m in UTM, the same one every time."""
    rng = np.random.default_rng([3, number])
    x, y = rng.random((2, count)) * SIDE_M
    z = 10 * np.sin(x / 40) * np.cos(y / 55) + rng.normal(0, 0.02, count)
    return np.stack([466_000 + x, 5_900_000 + y, 100 + z], axis=1)


def make(path: Path, points: int) -> None:
    """Write the file chunk by chunk."""
    pieces = [(i, min(CHUNK, points - i * CHUNK)) for i in range(-(-points // CHUNK))]
    if path.suffix == ".ply":
        with path.open("wb") as file:
            head = f"ply\nformat binary_little_endian 1.0\ncomment unit m\nelement vertex {points}\n"
            file.write((head + "".join(f"property double {axis}\n" for axis in "xyz") + "end_header\n").encode())
            for number, count in pieces:
                file.write(points_of(number, count).tobytes())
        return
    import laspy

    header = laspy.LasHeader(version="1.4", point_format=6)
    header.offsets, header.scales = [466_000, 5_900_000, 0], [1e-3] * 3
    with laspy.open(path, "w", header=header, do_compress=True) as writer:
        for number, count in pieces:
            record = laspy.ScaleAwarePointRecord.zeros(count, header=header)
            record.x, record.y, record.z = points_of(number, count).T
            writer.write_points(record)


def measure(path: Path) -> dict[str, float]:
    """Voxel a file chunk by chunk in this process; seconds, points, voxels and peak bytes."""
    from visionvalley import io
    from visionvalley.vision.shape.voxels import VoxelAccumulator

    before = _peak_bytes()
    began = time.perf_counter()
    accumulator = VoxelAccumulator(VOXEL_M)
    points = 0
    for cloud in io.read_chunks(path, None, CHUNK):
        accumulator.add(cloud.points_m)
        points += len(cloud)
    voxels = len(accumulator.points_m())
    seconds = time.perf_counter() - began
    return {"points": points, "voxels": voxels, "seconds": seconds, "peak": _peak_bytes(), "before": before}


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=50_000_000)
    parser.add_argument("--format", choices=["laz", "ply"], action="append")
    parser.add_argument("--folder", type=Path, help="where the file is made [default: a temporary folder]")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return 0
    good = True
    for suffix in arguments.format or ["laz", "ply"]:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            path = Path(folder) / f"large.{suffix}"
            make(path, arguments.points)
            command = [sys.executable, "-m", "bench.large", "--measure", str(path)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            peak = found["peak"] / 2**20
            good &= peak < 1024 and found["points"] == arguments.points
            size = f"{suffix}: {found['points']:,} points, {path.stat().st_size / 1e6:.0f} MB"
            rest = f"{found['seconds']:.1f} s, peak {peak:.0f} MiB ({found['before'] / 2**20:.0f} MiB before)"
            print(f"{size}, {found['voxels']:,} voxels, {rest}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
