# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

import sys

import hypothesis
import numpy as np
import pytest
from tests import browser as browsers
from tests import postgresql

from visionvalley.records import Records

# The same examples in every run; tests time nothing.
hypothesis.settings.register_profile("valley", deadline=None, derandomize=True)
hypothesis.settings.load_profile("valley")


@pytest.fixture(scope="session", autouse=True)
def _records_of_tests_lie_aside(tmp_path_factory):
    """Keep what tests run out of the user's records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALLEY_RECORDS", str(tmp_path_factory.mktemp("records")))
        patch.delenv("VALLEY_DATABASE", raising=False)
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run."""
    return np.random.default_rng(20260101)


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL server of our own, on a socket in a temporary folder."""
    if postgresql.SERVER_MISSING:
        pytest.skip(postgresql.SERVER_MISSING)
    with postgresql.Cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request, tmp_path) -> Records:
    """Empty records, in each database."""
    from visionvalley.visits import database

    server = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    database._prepared.cache_clear()
    return Records(tmp_path / "kept", server.emptied() if server else "", patience_s=5.0)


@pytest.fixture
def light(tmp_path) -> Records:
    """Empty records in SQLite."""
    return Records(tmp_path / "kept", patience_s=5.0)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A real browser with a fresh profile."""
    with browsers.opened(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def here(request, tmp_path_factory):
    """An open hall, with as many workers as the module's WORKERS says."""
    from tests import hall as halls

    with halls.opened(tmp_path_factory.mktemp("hall"), workers=getattr(request.module, "WORKERS", 0)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet(request):
    """Let no test be limited by what those before it asked of the same hall."""
    if "here" in request.fixturenames:
        request.getfixturevalue("here").hall.limits._left.clear()


@pytest.fixture(scope="session", autouse=True)
def _every_kernel_was_called_as_it_declares():
    """Fail at the end where a test had a kernel compiled for a signature that it does not declare."""
    yield
    compilation = sys.modules.get("visionvalley.kernels.compilation")
    if compilation is not None:
        kernels = [one for ones in compilation.ENTRY_POINTS.values() for one in ones]
        found = {one.py_func.__qualname__: more for one in kernels if (more := compilation.undeclared(one))}
        assert found == {}, "wrappers call kernels with types that they do not declare"


def pytest_terminal_summary(terminalreporter):
    """Print the worst errors that tests found, from whichever process they ran in."""
    passed = terminalreporter.stats.get("passed", [])
    worst = sorted(value for report in passed for name, value in report.user_properties if name == "worst")
    if worst:
        terminalreporter.section("worst errors against references")
        terminalreporter.write("".join(f"{one}\n" for one in worst))
