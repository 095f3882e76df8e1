# SPDX-License-Identifier: Apache-2.0
"""What databases and disks say when they refuse, in our words."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from visionvalley.core import BadInput
from visionvalley.records.place import Records

LEAST_ROOM_BYTES = 1 << 20
SQLITE = {  # beginning of SQLite's name of the error -> our message
    "SQLITE_BUSY": "records.locked",
    "SQLITE_LOCKED": "records.locked",
    "SQLITE_FULL": "records.full",
    "SQLITE_READONLY": "records.read_only",
    "SQLITE_CANTOPEN": "records.unreachable",
    "SQLITE_CORRUPT": "records.damaged",
    "SQLITE_NOTADB": "records.damaged",
}
POSTGRESQL = {"53100": "records.full", "55P03": "records.locked", "25006": "records.read_only"}  # SQLSTATE
DISK = {
    errno.ENOSPC: "records.full",
    errno.EDQUOT: "records.full",
    errno.EFBIG: "records.full",
    errno.EROFS: "records.read_only",
    errno.EACCES: "records.read_only",
    errno.EPERM: "records.read_only",
}


@contextmanager
def explained(records: Records) -> Iterator[None]:
    """Turn what goes wrong inside into one BadInput."""
    try:
        yield
    except DBAPIError as error:
        raise BadInput(_message(error, records), place=place(records), reason=_reason(error.orig or error)) from error
    except (SQLAlchemyError, PoolTimeout) as error:
        raise BadInput("records.unreachable", place=place(records), reason=_reason(error)) from error
    except OSError as error:
        name = DISK.get(error.errno or 0, "records.unreachable")
        raise BadInput(name, place=records.folder, reason=error.strerror or str(error)) from error


def place(records: Records) -> str:
    """Return where the database is, without its password."""
    from sqlalchemy.engine import make_url

    return make_url(records.database).render_as_string(hide_password=True) if records.database else str(records.file)


def _message(error: DBAPIError, records: Records) -> str:
    name = getattr(error.orig, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_IOERR") and shutil.disk_usage(records.folder).free < LEAST_ROOM_BYTES:
        return "records.full"  # SQLite says 'disk I/O error' where it cannot lengthen its shared memory
    found = next((ours for theirs, ours in SQLITE.items() if name.startswith(theirs)), None)
    state = getattr(error.orig, "sqlstate", None) or ""
    return found or POSTGRESQL.get(state) or "records.unreachable"


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())
