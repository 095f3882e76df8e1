# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

import sys

import hypothesis
import numpy as np
import pytest

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


@pytest.fixture(scope="session", autouse=True)
def _every_kernel_was_called_as_it_declares():
    """Fail at the end where a test had a kernel compiled for a signature that it does not declare."""
    yield
    compilation = sys.modules.get("visionvalley.kernels.compilation")
    if compilation is not None:
        kernels = [one for ones in compilation.ENTRY_POINTS.values() for one in ones]
        found = {one.py_func.__qualname__: more for one in kernels if (more := compilation.undeclared(one))}
        assert found == {}, "wrappers call kernels with types that they do not declare"
