# SPDX-License-Identifier: Apache-2.0
"""What every kernel promises: its signatures are declared, and its bits are the same on every CPU of the target."""

import re

import pytest

from visionvalley.kernels import ahead, compilation, store

# Memory, errors and the interpreter lock: what a kernel may call. No libm, BLAS or LAPACK: their bits depend on
# the CPU and on the version of the library.
MAY_CALL = re.compile(
    r"NRT_\w+|numba_(gil_(ensure|release)|attempt_nocopy_reshape|runtime_build_excinfo_struct|unpickle|do_raise|\w*hash\w*)"
    r"|log10"  # only to write a number into the error of a slice that does not fit; never in our own source
    r"|_?Py\w+|mem(set|cpy|move)|_Unwind_Resume|__?gxx\w+|numba_\w*pyobject\w*"
)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    ahead.compile_ahead()


@pytest.mark.parametrize("stem", store.stems())
def test_no_kernel_calls_or_estimates_what_depends_on_the_cpu(stem):
    for dispatcher in ahead.entry_points(stem):
        for arguments, _ in compilation.declared(dispatcher):
            dispatcher.compile(arguments)
            found = compilation.traits(compilation.assembly_of(dispatcher, arguments))
            foreign = {name for name in found["calls"] if not MAY_CALL.fullmatch(name)}
            assert (foreign, found["estimates"]) == (set(), []), dispatcher.py_func.__name__
    assert "log10" not in (store.HERE / f"{stem}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("stem", store.stems())
def test_each_entry_point_declares_its_signatures_and_returns_what_it_declares(stem):
    for dispatcher in ahead.entry_points(stem):
        assert dispatcher.declared, dispatcher.py_func.__name__
        for arguments, result in compilation.declared(dispatcher):
            dispatcher.compile(arguments)
            found = dispatcher.overloads[arguments].signature.return_type
            assert str(found) == str(result), f"{dispatcher.py_func.__name__} returns {found}"


def test_a_call_of_the_mathematical_library_and_an_estimate_would_be_found():
    assembly = "\tmovabsq\t$sinf, %rax\n\tcallq\t*%rax\n\tvrsqrtps\t%ymm0, %ymm1\n\tcallq\tNRT_decref\n"
    assert compilation.traits(assembly) == {"calls": ["NRT_decref", "sinf"], "estimates": ["vrsqrtps"]}
    assert not MAY_CALL.fullmatch("sinf")
    assert not MAY_CALL.fullmatch("cblas_ddot")
