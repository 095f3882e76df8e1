# SPDX-License-Identifier: Apache-2.0
"""A whole visit in a real browser, from its plan to what follows it, in three languages."""

from tests import scripted_visit


def test_a_delegation_is_planned_invited_shown_around_answered_and_followed_up(tmp_path):
    scripted_visit.lived(tmp_path)
