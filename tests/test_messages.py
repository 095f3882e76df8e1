# SPDX-License-Identifier: Apache-2.0
"""Every message id in the source has words with exactly its parameters, and no words wait for nobody."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from visionvalley.core.messages import catalogue

PACKAGE = Path(__file__).parent.parent / "src" / "visionvalley"
ERROR, PLAIN = {"what", "why", "fix"}, {"text"}
MAKERS = {"BadInput": ERROR, "text": PLAIN, "stage": PLAIN}
NO_PARAMETERS = {"stage": {"steps"}, "BadInput": set(), "text": set()}
ANY = "?"  # parameters or an id that are known at run time only


class Use:
    """One place where a message is made."""

    def __init__(self, maker: str, id: str, parameters: set[str], place: str) -> None:
        self.maker, self.id, self.parameters, self.place = maker, id, parameters, place


def uses(package: Path = PACKAGE) -> Iterator[Use]:
    """Yield every use of a message whose id stands in the source as a whole."""
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                place = f"{file.relative_to(package)}:{node.lineno}"
                given = {word.arg or ANY for word in node.keywords} - NO_PARAMETERS[node.func.id]
                at = 1 if node.func.id == "stage" else 0
                for name in ids(node.args[at]) if len(node.args) > at else ():
                    yield Use(node.func.id, name, given, place)


def ids(argument: ast.expr) -> Iterator[str]:
    """Yield the ids that an argument may be; none where it is only known at run time."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from ids(argument.body)
        yield from ids(argument.orelse)


def written_ids() -> set[str]:
    """Return every string of the source that is an id of the catalogue, and every beginning of one in an f-string."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def asked_for(words: str) -> set[str]:
    """Return the parameters that words name."""
    return {name.partition(".")[0].partition("[")[0] for _, name, _, _ in string.Formatter().parse(words) if name}


USES = list(uses())


def test_every_message_of_the_source_has_words():
    assert [(use.id, use.place) for use in USES if use.id not in catalogue()] == []


def test_every_message_has_the_parts_that_its_use_needs():
    known = [use for use in USES if use.id in catalogue()]
    assert [(u.id, u.place) for u in known if not MAKERS[u.maker] <= catalogue()[u.id].keys()] == []


def test_every_message_is_given_exactly_the_parameters_that_its_words_name():
    wrong = []
    for use in USES:
        words = catalogue().get(use.id, {})
        named = set().union(*map(asked_for, words.values()))
        if ANY not in use.parameters and named != use.parameters:
            wrong.append((use.id, use.place, "named", sorted(named), "given", sorted(use.parameters)))
    assert wrong == []


def test_no_words_wait_for_a_message_that_nobody_makes():
    written = written_ids()
    beginnings = tuple(one for one in written if one.endswith((".", "_")) and one.count(".") == 1)
    assert [
        name for name in catalogue() if name not in written and not (beginnings and name.startswith(beginnings))
    ] == []


def test_every_entry_is_an_error_or_a_text_and_says_something():
    for name, parts in catalogue().items():
        assert parts.keys() in (ERROR, PLAIN), name
        assert all(isinstance(words, str) and words.strip() == words and words for words in parts.values()), name


def test_a_use_with_a_wrong_parameter_is_found(tmp_path):
    (tmp_path / "planted.py").write_text(
        'raise BadInput("core.not_finite" if here else "core.bad_depth", names="x")\n'
        'with stage(progress, "cli.compiling", steps=2, unit="m"): pass\n'
    )
    found = [(use.id, use.parameters, use.place) for use in uses(tmp_path)]
    assert found == [
        ("core.not_finite", {"names"}, "planted.py:1"),
        ("core.bad_depth", {"names"}, "planted.py:1"),
        ("cli.compiling", {"unit"}, "planted.py:2"),
    ]
    assert asked_for("{name} has {got:.3f} of {a.b} {{plain}}") == {"name", "got", "a"}


def test_errors_are_made_of_ids_and_never_of_sentences():
    places = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                first = node.args[1 if node.func.id == "stage" else 0 :][:1]
                sentences = [a for a in first if isinstance(a, ast.Constant) and " " in str(a.value)]
                places += [f"{file.name}:{node.lineno}"] if sentences else []
    assert places == []


@pytest.mark.parametrize("file", sorted((PACKAGE / "core" / "catalogue").glob("*/*.toml")), ids=lambda f: f.stem)
def test_a_translation_names_the_same_parameters_as_the_english(file):
    language = file.parent.name
    for name, parts in catalogue(language).items():
        for part, words in parts.items():
            assert asked_for(words) == asked_for(catalogue()[name][part]), (language, name, part)
