"""The command line's own duties: exit codes, messages, one JSON object."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops.cli import app as cli
from sagemaker_gitops.cli.sections import SECTIONS


def test_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped word is told on stderr with the code that shells expect."""
    code = cli.main(["depoly"])

    assert code == 2
    assert "No such command 'depoly'" in capsys.readouterr().err


def test_unknown_environment_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A value outside the choice names the choice."""
    code = cli.main(["train", "--env", "production"])

    assert code == 2
    assert "'dev', 'staging', 'prod'" in capsys.readouterr().err


def test_error_of_a_stage_becomes_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """An error is told once, in the runner's words, and its code is the process's."""
    code = cli.main(["--json", "lint", "--only", "nosuchlint"])

    told = json.loads(capsys.readouterr().out)
    assert code == told["exit_code"] == 2
    assert "there is no linter nosuchlint" in told["error"]["what"]


def test_help_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is no failure."""
    code = cli.main(["--help"])

    assert code == 0
    assert "train" in capsys.readouterr().out


def test_json_counts_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the command or after it, one JSON object is printed."""
    code = cli.main(["lint", "--only", "nosuchlint", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert code == told["exit_code"] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["depoly"], "No such command 'depoly'"),
        (["deploy", "--env", "dev"], "Missing option '--version'"),
        (["deploy", "--env", "dev", "--version", "x"], "Invalid value for '--version'"),
        (["local", "upp"], "local upp"),
    ],
)
def test_wrong_words_are_told_as_json(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that asks for JSON gets JSON for its own mistakes, too."""
    code = cli.main([*words, "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["ok"], answer["exit_code"]) == (2, False, 2)
    assert told in answer["error"]["what"]


def test_local_answers_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The embedded AWS's commands print one object, and keep their exit code."""
    code = cli.main(["local", "--state", str(tmp_path), "status", "--json"])

    assert (code, json.loads(capsys.readouterr().out)["summary"]) == (1, "not running\n")


def test_help_has_a_place_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command stands in a section with those that it is used with, and each section's commands exist."""
    cli.main(["--help"])

    lines = capsys.readouterr().out.splitlines()
    assert "Other:" not in lines
    listed = {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "}
    assert {name for names in SECTIONS.values() for name in names} <= listed
