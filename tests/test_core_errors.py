# SPDX-License-Identifier: Apache-2.0
"""Errors, texts, settings and progress: the same words everywhere, found only where a person reads them."""

import pickle
from dataclasses import dataclass, fields

import pytest

from visionvalley.core import SILENT, BadInput, Cancelled, check, render, setting, stage, text
from visionvalley.core.messages import catalogue


def test_an_error_says_what_why_and_how_to_mend_it():
    error = BadInput("core.shape", name="points", got="2 x 4", wanted="N x 3")
    assert error.what == "points has shape 2 x 4, not N x 3"
    assert error.render() == (error.what, error.why, error.fix)
    assert str(error).splitlines() == [error.what, error.why, error.fix]
    assert isinstance(error, ValueError)


def test_an_error_comes_out_of_another_process_as_it_went_in():
    error = pickle.loads(pickle.dumps(BadInput("core.not_finite", name="x")))
    assert (error.message.id, dict(error.message.parameters)) == ("core.not_finite", {"name": "x"})
    assert error.what == "x holds NaN or infinity"


def test_a_language_without_a_text_falls_back_to_english():
    message = text("core.not_finite", name="x")
    assert render(message, "xx", "what") == render(message, "en", "what")


@pytest.mark.parametrize("language", ["../en", "", "en/..", "/etc", "en\0"])
def test_a_language_that_is_none_reads_no_other_folder(language):
    assert catalogue.__wrapped__(language) == {}


def test_a_text_in_a_text_is_rendered_in_the_same_language():
    inside = text("cli.compiling")
    outside = text("core.setting_choice", name="alignment", value=inside, choices="a, b")
    assert render(outside, part="what") == f"alignment is '{inside}'"


def test_an_id_that_no_catalogue_has_is_our_own_bug():
    with pytest.raises(KeyError, match=r"core\.nothing"):
        render(text("core.nothing"))


def test_a_text_cannot_be_changed():
    message = text("core.not_finite", name="x")
    with pytest.raises(TypeError):
        message.parameters["name"] = "y"


@dataclass(frozen=True, slots=True)
class Reach:
    """Settings to try."""

    reach_m: float | None = setting(2e-3, unit="m", low=0, high=0.1, label="Reach", help="How far")
    kind: str = setting("plane", choices=("plane", "point"), label="Kind", help="Which")
    rounds: int = setting(30, low=1, label="Rounds", help="How often")
    loud: bool = setting(False, label="Loud", help="Whether")

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ({"reach_m": -1e-9}, "core.setting_bounds"),
        ({"reach_m": 0.1000001}, "core.setting_bounds"),
        ({"reach_m": float("nan")}, "core.setting_bounds"),
        ({"rounds": 0}, "core.setting_bounds"),
        ({"kind": "line"}, "core.setting_choice"),
    ],
)
def test_settings_out_of_their_bounds_are_refused(given, id):
    with pytest.raises(BadInput) as caught:
        Reach(**given)
    assert caught.value.message.id == id
    assert next(iter(given)) in caught.value.what


def test_the_bounds_themselves_and_no_value_are_allowed():
    Reach(reach_m=0), Reach(reach_m=0.1), Reach(reach_m=None), Reach(rounds=10**9), Reach(loud=True)


def test_a_setting_carries_what_a_form_needs():
    about = {one.name: one.metadata for one in fields(Reach)}
    assert about["reach_m"] == {
        "unit": "m", "low": 0, "high": 0.1, "choices": (), "label": "Reach", "help": "How far"
    }  # fmt: skip
    assert about["kind"]["choices"] == ("plane", "point")


class Heard:
    """Progress that remembers."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.said, self.cancel_at = [], cancel_at

    def begin(self, stage, steps):
        self.said.append(("begin", stage.id, steps))

    def advance(self, steps=1):
        self.said.append(("advance", steps))
        if self.cancel_at == len(self.said):
            raise Cancelled

    def end(self):
        self.said.append(("end",))


def test_a_stage_is_shown_from_its_begin_to_its_end():
    heard = Heard()
    with stage(heard, "cli.compiling", 2) as progress:
        progress.advance()
    assert heard.said == [("begin", "cli.compiling", 2), ("advance", 1), ("end",)]


def test_work_stops_where_progress_says_so():
    with pytest.raises(Cancelled), stage(Heard(cancel_at=2), "cli.compiling") as progress:
        progress.advance()


def test_silence_is_a_progress_too():
    with stage(SILENT, "cli.compiling", 1) as progress:
        progress.advance()
