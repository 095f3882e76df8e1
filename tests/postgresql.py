# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server that lives as long as a test session, from Debian's packages, run by an unprivileged user."""

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
UNPRIVILEGED = "nobody"


def _program(name: str) -> str | None:
    return next((str(folder / name) for folder in FOLDERS if (folder / name).exists()), shutil.which(name))


SERVER_MISSING = (
    "PostgreSQL is not installed (apt install postgresql): records in it are NOT tested"
    if _program("pg_ctl") is None or _program("initdb") is None
    else "psycopg is not installed: records in PostgreSQL are NOT tested"
    if find_spec("psycopg") is None
    else ""
)


class Cluster:
    """A server on a socket in a folder of its own; no network."""

    def __enter__(self) -> "Cluster":
        self.folder = Path(tempfile.mkdtemp(prefix="valley-pg-", dir="/tmp"))  # a socket's path must be short
        if os.getuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "valley", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {self.folder} -c autovacuum=off -c shared_buffers=16MB"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", "-l", log, "-o", options, "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://valley@/{name}?host={self.folder}"

    def emptied(self) -> str:
        """Drop everything that tests made and return the address of the database."""
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self.url("postgres")

    def settle(self) -> None:
        """Have everything that was committed in the files of the tables."""
        self.execute("CHECKPOINT")

    def execute(self, command: str, database: str = "postgres") -> None:
        """Run one command."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(command)

    def _run(self, program: str, *words: str) -> None:
        command = [_program(program), *words]
        user = pwd.getpwnam(UNPRIVILEGED).pw_uid if os.getuid() == 0 else None
        group = pwd.getpwnam(UNPRIVILEGED).pw_gid if os.getuid() == 0 else None
        done = subprocess.run(
            command,
            user=user,
            group=group,
            extra_groups=[] if user is not None else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
