"""lint: each linter stops what it is there for, and says at which line."""

import shutil
import subprocess
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError, LintFailed
from sagemaker_gitops.project import linters
from sagemaker_gitops.project.linters import LIST
from sagemaker_gitops.stages import lint
from sagemaker_gitops.stages.lint import Options
from tests.sample import ROOT

WORKFLOW = """\
name: Seeded
on: push
permissions: {}
jobs:
  seeded:
    name: Seeded
    runs-on: ubuntu-24.04
    steps:
      - run: echo $UNQUOTED ${{ nothing.known }}
"""
STACK = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties:\n      Colour: blue\n"

# linter -> (file, its content, the line at fault, a word of the finding)
DEFECTS = {
    "ruff": ("model/bad.py", '"""Doc."""\n\nimport os\n', 3, "F401"),
    "ruff-format": ("model/bad.py", '"""Doc."""\n\nX  = 1\n', 3, "reformatted"),
    "mypy": ("model/bad.py", '"""Doc."""\n\nX: int = "one"\n', 3, "Incompatible types"),
    "actionlint": (".github/workflows/bad.yml", WORKFLOW, 9, "undefined variable"),
    "zizmor": (".github/workflows/bad.yml", WORKFLOW, 9, "code injection"),
    "hadolint": ("model/train/Dockerfile", "FROM python\n", 1, "DL3006"),
    "shellcheck": ("model/train/bad.sh", "#!/bin/sh\necho $1\n", 2, "SC2086"),
    "cfn-lint": ("infra/lib/bad.yml", STACK, 5, "Additional properties"),
    "rules": (".github/workflows/bad.yml", WORKFLOW, 9, "an expression inside `run`"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a repository that holds nothing but the list of linters and their settings."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(ROOT / LIST, tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.ruff.lint]\nselect = ["F"]\n[tool.mypy]\nstrict = true\n')
    return tmp_path


def write(root: Path, file: str, content: str) -> None:
    """Put a file into the project."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize("name", DEFECTS)
def test_linter_stops_its_defect(project: Path, name: str) -> None:
    """The defect is refused, and annotated at its file and line."""
    file, content, line, word = DEFECTS[name]
    write(project, file, content)

    with pytest.raises(LintFailed, match=name) as caught:
        lint.run(project, Options(progress=print, only=(name,)))

    assert any((a.file, a.line) == (file, line) and word in a.message for a in caught.value.annotations)
    assert f"| ✗ | {name} |" in caught.value.summary


def test_every_linter_has_a_defect_that_it_stops() -> None:
    """A linter added to the list needs a proof here."""
    assert set(DEFECTS) == {linter.name for linter in linters.read(ROOT)}


def test_actionlint_reads_the_scripts_of_workflows(project: Path) -> None:
    """The shell in a workflow is checked too, which actionlint leaves out where it finds no shellcheck."""
    file, content, line, _ = DEFECTS["actionlint"]
    write(project, file, content)

    with pytest.raises(LintFailed) as caught:
        lint.run(project, Options(progress=print, only=("actionlint",)))

    assert any("SC2086" in a.message and a.line == line for a in caught.value.annotations)


def test_sound_project_passes(project: Path) -> None:
    """Without a finding the stage succeeds and lists what it ran."""
    write(project, "model/good.py", '"""Doc."""\n\nX = 1\n')

    result = lint.run(project, Options(progress=print))

    assert result.summary.count("✓") == len(DEFECTS)


def test_linter_that_breaks_does_not_pass(project: Path) -> None:
    """A linter that fails without a finding is a failure, told in its own words."""
    (project / "pyproject.toml").write_text("[tool.ruff]\nselect = 3\n")

    with pytest.raises(LintFailed, match=r"ruff stopped: [\s\S]*pyproject"):
        lint.run(project, Options(progress=print, only=("ruff",)))


def test_missing_linter_is_named(project: Path) -> None:
    """A linter that is not installed is an error, not a pass."""
    listed = (
        (project / LIST).read_text().replace("-shellcheck=.venv/bin/shellcheck", "-shellcheck=.venv/bin/nosuchlint")
    )
    (project / LIST).write_text(listed)

    with pytest.raises(ConfigurationError, match="not installed: nosuchlint"):
        lint.run(project, Options(progress=print))


def test_hook_of_ones_own_is_run_too(project: Path) -> None:
    """What a team adds to the list stops a pull request as it stops a commit."""
    hook = "\n      - {id: own, name: own, language: system, entry: grep -Hn, args: [TODO], files: ^model/}\n"
    (project / LIST).write_text((project / LIST).read_text() + hook)
    write(project, "model/notes.txt", "TODO: think\n")

    result = lint.run(project, Options(progress=print, only=("ruff",)))
    with pytest.raises(LintFailed) as caught:
        lint.run(project, Options(progress=print, only=("own",)))

    assert "ruff" in result.summary
    assert [(a.file, a.line) for a in caught.value.annotations] == [("model/notes.txt", 1)]


@pytest.mark.parametrize("content", [None, "repos: 3\n", "{\n", "repos:\n  - {repo: local, hooks: [{id: x}]}\n"])
def test_list_that_is_none_is_refused(project: Path, content: str | None) -> None:
    """A list that is missing or broken is an error, not a pass."""
    (project / LIST).unlink()
    if content is not None:
        (project / LIST).write_text(content)

    with pytest.raises(ConfigurationError, match="pre-commit"):
        lint.run(project, Options(progress=print))


def test_unknown_linter_is_refused(project: Path) -> None:
    """A mistyped name lists the known ones."""
    with pytest.raises(ConfigurationError, match="there is no linter rufff"):
        lint.run(project, Options(progress=print, only=("rufff",)))
