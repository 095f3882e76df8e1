# SPDX-License-Identifier: Apache-2.0
"""Calls that must be refused by the one error, with all its words."""

import pytest

from visionvalley.core import BadInput


def refused(call, *arguments, **named) -> BadInput:
    with pytest.raises(BadInput) as caught:
        call(*arguments, **named)
    assert all(caught.value.render())
    return caught.value


def refusal(call, *arguments, **named) -> str:
    return refused(call, *arguments, **named).message.id
