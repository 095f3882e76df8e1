# SPDX-License-Identifier: Apache-2.0
"""result.json is read back to the same result."""

import json

import pytest
from tests import reports
from tests.test_report_exchange import part

from visionvalley.core import BadInput
from visionvalley.report.json import result_of, write_json
from visionvalley.report.reading import read_result


@pytest.mark.parametrize("made", [part(), (reports.report(), reports.Run())], ids=["features", "map"])
def test_what_is_read_back_is_written_again_to_the_same_bytes(tmp_path, made):
    write_json(tmp_path / "result.json", *made)
    report, conditions = read_result(tmp_path / "result.json")
    again = result_of(report, conditions)
    kept = json.loads((tmp_path / "result.json").read_text("utf-8"))
    again["scene"] = kept["scene"]  # points and surfaces lie in scene.glb
    assert json.loads(json.dumps(again)) == kept


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"format": "other/1"}', '{"format": "visionvalley-result/1"}']
)
def test_what_is_no_result_is_one_clear_error(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(BadInput) as caught:
        read_result(tmp_path / "result.json")
    assert "result.json" in caught.value.what
