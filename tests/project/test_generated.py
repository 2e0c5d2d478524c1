"""A generated project passes its own checks, and so does the template before it is rendered."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.bake import TEMPLATE
from tests.commands import make, newcomer
from tests.documents import steps

pytestmark = pytest.mark.slow
UNRENDERED = {
    "lint": ["ruff", "check", "--no-cache", "."],
    "format": ["ruff", "format", "--check", "--no-cache", "."],
    "types": ["mypy", "."],
}


@pytest.mark.parametrize("word", ["check", "test"])
def test_generated_project_passes(installed: Path, word: str) -> None:
    """`make check` and `make test` succeed in a fresh project and leave its files as they were."""
    run = make(word, folder=installed)

    assert run.returncode == 0, run.stdout[-8000:]
    status = subprocess.run(["git", "status", "--porcelain"], cwd=installed, capture_output=True, text=True, check=True)
    assert status.stdout == ""


@pytest.mark.parametrize("check", UNRENDERED)
def test_template_is_clean_before_rendering(installed: Path, template: Path, check: str) -> None:
    """The generated project's rules hold in the template's own folder."""
    program, *arguments = UNRENDERED[check]

    run = subprocess.run(
        [installed / ".venv/bin" / program, *arguments],
        cwd=template / TEMPLATE,
        env=newcomer(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_setup_is_done_once(installed: Path) -> None:
    """A second `make setup` finds everything in place."""
    run = make("setup", folder=installed)

    assert "Installing" not in run.stdout


COMMANDS = """
import json
from typer.main import get_command
from sagemaker_gitops.cli.app import app
def options(command):
    return sorted(name for parameter in command.params for name in parameter.opts)
print(json.dumps({name: options(command) for name, command in get_command(app).commands.items()}))
"""


def test_workflows_call_commands_that_exist(installed: Path) -> None:
    """Every stage and option in a workflow is one that the command line knows."""
    run = subprocess.run(
        [installed / ".venv/bin/python", "-c", COMMANDS], cwd=installed, capture_output=True, text=True, check=True
    )
    known: dict[str, list[str]] = json.loads(run.stdout)

    lines = [step["run"].split() for _, step in steps(installed) if step.get("run", "").startswith("pipeline ")]

    assert lines
    for words in lines:
        unknown = {word for word in words[2:] if word.startswith("--")} - set(known[words[1]])
        assert unknown == set(), words
