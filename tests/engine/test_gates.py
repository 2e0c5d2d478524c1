"""Gates: what pytest measured, read back as thresholds, failures and a refusal."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops.build import gates
from sagemaker_gitops.build.gates import Mark
from sagemaker_gitops.errors import GateFailed

GATE = '''
"""A gate."""
import json

def test_quality_keeps_its_mark(record_property):
    """The value is told, then asserted."""
    mark = {{"gate": "quality", "name": "roc_auc", "value": {value}, "minimum": 0.8}}
    record_property("mark", json.dumps(mark))
    assert mark["value"] >= mark["minimum"]
'''


def judge(folder: Path, text: str, name: str = "test_model_quality.py") -> gates.Verdict:
    """Run one gate file."""
    path = folder / name
    path.write_text(text)
    return gates.run(folder, [path], {})


def test_reached_mark_passes(tmp_path: Path) -> None:
    """A value at its limit is good enough."""
    verdict = judge(tmp_path, GATE.format(value=0.8))

    assert verdict.passed
    assert verdict.marks == (Mark(gate="quality", name="roc_auc", value=0.8, minimum=0.8),)


def test_missed_mark_is_refused_with_its_distance(tmp_path: Path) -> None:
    """The refusal names threshold, value, limit and distance, and annotates the file of limits."""
    verdict = judge(tmp_path, GATE.format(value=0.71))

    error = gates.refusal(verdict)

    assert not verdict.passed
    assert "quality: roc_auc is 0.7100, must be at least 0.8: missed by 0.09" in str(error)
    assert [item.file for item in error.annotations] == ["model/config/baseline.json"]
    assert "| ✗ | quality | roc_auc |" in error.summary


def test_gate_that_crashes_is_a_failure(tmp_path: Path) -> None:
    """A gate that cannot measure does not let a model through."""
    verdict = judge(tmp_path, 'def test_bias():\n    raise RuntimeError("no group column")\n', "test_bias.py")

    assert not verdict.passed
    assert "no group column" in str(gates.refusal(verdict))


def test_no_gate_is_no_pass(tmp_path: Path) -> None:
    """Skipped or absent gates never read as success."""
    verdict = judge(tmp_path, 'import pytest\n\ndef test_bias():\n    pytest.skip("no model")\n', "test_bias.py")

    assert not verdict.passed
    assert "no gate ran" in str(gates.refusal(verdict))


def test_report_carries_marks_and_facts(tmp_path: Path) -> None:
    """What register reads holds the verdict, every threshold and what was judged."""
    report = json.loads(judge(tmp_path, GATE.format(value=0.9)).as_json(fingerprint="f" * 64))

    assert report["passed"] is True
    assert report["fingerprint"] == "f" * 64
    assert report["marks"][0]["value"] == 0.9


@pytest.mark.parametrize(("value", "passed"), [(0.1, True), (0.11, False)])
def test_maximum_is_a_limit_too(value: float, passed: bool) -> None:
    """Some thresholds are ceilings."""
    assert Mark(gate="bias", name="difference", value=value, maximum=0.1).passed is passed


def test_models_that_cannot_be_compared_are_told_in_one_line(tmp_path: Path) -> None:
    """The reason is the last line of what the model's own code said, not its traceback."""
    nothing = dict.fromkeys(("MODEL_DIR", "CHAMPION_DIR", "DATA_DIR"), str(tmp_path))

    with pytest.raises(GateFailed, match=r"cannot be compared: .*schema\.json") as refused:
        gates.paired_answers(tmp_path, nothing)

    assert "Traceback" not in str(refused.value)
    assert "\n" not in refused.value.what
