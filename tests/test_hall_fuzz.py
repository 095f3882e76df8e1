# SPDX-License-Identifier: Apache-2.0
"""The API under invented input, by its own description: no fault of ours, no answer that it does not declare.

A long run: VALLEY_FUZZ=2000 python -m pytest tests/test_hall_fuzz.py
"""

import os

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests import hall as halls

from visionvalley.hall.limits import Rate
from visionvalley.visits.values import Role

EXAMPLES = int(os.environ.get("VALLEY_FUZZ", "4"))
ENDLESS = "/api/v1/live"  # a stream
UNSAID = positive_data_acceptance  # a schema cannot say what an address or a strong password is
WITHOUT_LIMIT = Rate(1e9, 1e9)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with halls.opened(tmp_path_factory.mktemp("hall")) as opened:
        opened.hall.limits.rates.update(dict.fromkeys(opened.hall.limits.rates, WITHOUT_LIMIT))
        yield opened


def fuzz(here, operation) -> str:
    """Call one operation with invented input; return what went wrong, shrunk to the least."""

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=operation.as_strategy())
    def attack(case):
        person = here.person(Role.ADMINISTRATOR, "Ada")
        with requests.Session() as session:
            sent = {"headers": {"X-CSRF-Token": person.csrf}, "cookies": dict(person.cookies)}
            case.call_and_validate(session=session, excluded_checks=[UNSAID], **sent)

    try:
        attack()
    except (Exception, BaseExceptionGroup) as error:
        return f"{operation.method.upper()} {operation.path}: {error}"
    return ""


def test_the_api_does_what_it_says(here):
    schema = schemathesis.openapi.from_url(f"{here.url}/api/v1/openapi.json").exclude(path=ENDLESS)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 12
    assert [told for told in (fuzz(here, one) for one in operations) if told] == []


def test_every_page_and_every_call_is_known_to_the_guard(here):
    paths = here.visitor().get("/api/v1/openapi.json").json()["paths"]
    assert all(path.startswith("/api/v1/") for path in paths)
    for methods in paths.values():
        for about in methods.values():
            assert {"401", "403", "422", "429", "503"} <= about["responses"].keys()
            assert about["summary"]
            assert about["tags"]
