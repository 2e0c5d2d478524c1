"""The command line's own duties: exit codes, messages, one JSON object."""

import json

import pytest

from pipeline import cli


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
