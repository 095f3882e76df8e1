# SPDX-License-Identifier: Apache-2.0
"""What a library prints beside raising it does not reach the terminal; everything else does."""

import os
import sys
import threading

import pytest

from visionvalley.io.hush import hushed


def test_words_come_out_at_the_end_and_panics_do_not(capfd):
    with hushed():
        os.write(2, b"kept back, ")
        assert capfd.readouterr().err == ""
    print("after", file=sys.stderr)
    assert capfd.readouterr().err == "kept back, after\n"
    with pytest.raises(ZeroDivisionError), hushed():
        (os.write(2, b"thread panicked at") - 18) / 0
    os.write(2, b"again")
    assert capfd.readouterr().err == "again"


def test_the_last_of_several_threads_puts_standard_error_back(capfd):
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first():
        with hushed():
            first_is_in.set()
            second_is_in.wait(5)
            os.write(2, b"1")

    def second():
        first_is_in.wait(5)
        with hushed():
            second_is_in.set()
            threads[0].join()
            os.write(2, b"2")
            assert capfd.readouterr().err == ""

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    os.write(2, b"3")
    assert capfd.readouterr().err == "123"
