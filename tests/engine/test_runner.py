"""Runner: the same result, told in the words of the place it runs in."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops.cli import runner
from sagemaker_gitops.errors import Annotation, GateFailed
from sagemaker_gitops.stages.result import StageResult


def test_github_receives_outputs_summary_and_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs and summary go to the files GitHub names, remarks to the log as commands."""
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    place = runner.detect({"GITHUB_ACTIONS": "true", **files})
    remark = Annotation(message="100% wrong\nhere", file="model/config/a,b.json", line=3)

    place.succeeded(StageResult(summary="### train", outputs={"version": "3"}, annotations=(remark,)))

    output = (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()
    assert output[0].startswith("version<<end-")
    assert output[1:] == ["3", output[0].removeprefix("version<<")]
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "### train\n"
    assert "::error file=model/config/a%2Cb.json,line=3::100%25 wrong%0Ahere" in capsys.readouterr().out


def test_output_cannot_end_its_own_block(tmp_path: Path) -> None:
    """A value that looks like a delimiter stays a value."""
    path = tmp_path / "out"
    place = runner.detect({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(path)})

    place.succeeded(StageResult(summary="", outputs={"a": "x\nend-1\nb<<end-2"}))

    first, *body, last = path.read_text().splitlines()
    assert body == ["x", "end-1", "b<<end-2"]
    assert last == first.removeprefix("a<<")


def test_github_receives_the_reason_of_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed stage annotates the file at fault and explains itself in the job summary."""
    path = tmp_path / "summary"
    error = GateFailed("roc_auc missed", where="baseline.json", next_step="improve the model")
    error.annotations = (Annotation(message="roc_auc missed", file="model/config/baseline.json"),)

    runner.detect({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path)}).failed(error)

    assert "::error file=model/config/baseline.json,line=1::roc_auc missed" in capsys.readouterr().out
    assert "improve the model" in path.read_text()


def test_terminal_prints_results_and_errors_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Results go to stdout, errors and progress to stderr."""
    place = runner.detect({})

    place.progress("training")
    place.succeeded(StageResult(summary="done", outputs={"version": "3"}))
    place.failed(GateFailed("missed"))

    seen = capsys.readouterr()
    assert seen.out == "done\nversion=3\n"
    assert seen.err == "· training\nerror: missed\n"


def test_another_program_reads_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json both a result and a failure are one object on stdout."""
    place = runner.Json()

    place.succeeded(StageResult(summary="done", outputs={"version": "3"}))
    place.failed(GateFailed("missed", where="baseline.json"))

    result, failure = map(json.loads, capsys.readouterr().out.splitlines())
    assert result["outputs"] == {"version": "3"}
    assert failure["exit_code"] == 20
    assert failure["error"] == {"what": "missed", "where": "baseline.json", "next": None}
