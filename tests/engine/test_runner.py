"""Runner: the same result, told in the words of the place it runs in."""

import json
import re
from pathlib import Path

import pytest
from sagemaker_gitops.cli import app, runner
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


def commands(log: str) -> list[str]:
    """Find what GitHub's runner would do because of a log, by the rules of its own parser."""
    found = []
    for line in re.split(r"\r\n|\r|\n", log):
        present = re.match(r"\s*::([\w-]+)[^\r\n]*?::", line)
        former = re.search(r"##\[([\w-]+)[^\]]*\]", line)
        found += [match[1] for match in (present, former) if match]
    return found


ATTACKS = {
    "mask": "fine\n::add-mask::e",
    "stop": "::stop-commands::token",
    "behind white space": "fine\n \t\u2003::error file=a::b",
    "behind a carriage return": "fine\r::add-path::/tmp/evil",
    "former": "fine ##[add-mask]e",
    "former behind marks": "####[stop-commands]token",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_text_from_outside_is_never_a_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a reviewer, a column or a branch is called, GitHub obeys our remarks alone."""
    assert commands(text)
    place = runner.detect({"GITHUB_ACTIONS": "true"})
    error = GateFailed(text, where=text, next_step=text)
    error.summary, error.annotations = text, (Annotation(message=text, file=text),)

    place.progress(text)
    place.succeeded(StageResult(summary=text, outputs={"reason": text}, annotations=error.annotations))
    place.failed(error)

    log = capsys.readouterr()
    assert commands(log.out) == ["error", "error"]
    assert commands(log.err) == []


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_json_on_github_is_never_a_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that asks for --json in a workflow reads the text unchanged, and GitHub reads nothing."""
    runner.Json().succeeded(StageResult(summary=text))

    told = capsys.readouterr().out
    assert commands(told) == []
    assert json.loads(told)["summary"] == text


def test_forged_option_is_never_a_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An event's payload becomes options; what is wrong with one is told as any other error."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    code = app.main(["rollback", "--env", "prod\n::add-mask::e", "--reason", "x"])

    log = capsys.readouterr()
    assert code == 2
    assert commands(log.out + log.err) == ["error"]


def test_summary_keeps_to_what_github_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step's summary of more than 1 MiB is refused whole by GitHub, so it is cut, and says where the rest is."""
    path = tmp_path / "summary"
    place = runner.detect({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path)})

    place.succeeded(StageResult(summary="é" * 400_000))
    place.succeeded(StageResult(summary="é" * 400_000))

    assert path.stat().st_size <= 1024 * 1024
    assert path.read_text(encoding="utf-8").endswith("The rest stands in this step's log.\n")
    assert capsys.readouterr().out.count("é") == 800_000


def test_remarks_beyond_githubs_limit_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub drops the eleventh remark of a level without a word, so the tenth says how many there are."""
    remarks = tuple(Annotation(message=f"mark {number}", file="a.json") for number in range(30))

    runner.detect({"GITHUB_ACTIONS": "true"}).succeeded(StageResult(summary="", annotations=remarks))

    log = capsys.readouterr().out
    assert commands(log) == ["error"] * 10
    assert "21 more stand in this step's log" in log
    assert "error: a.json:1: mark 29" in log


def test_reason_cannot_leave_its_fence(tmp_path: Path) -> None:
    """A failure's text is shown as text, whatever marks it holds."""
    path = tmp_path / "summary"

    runner.detect({"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path)}).failed(GateFailed("```\n# heading"))

    assert "````\n```\n# heading\n````" in path.read_text(encoding="utf-8")
