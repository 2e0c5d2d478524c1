"""pre-commit: what stops a commit is what stops a pull request."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sagemaker_gitops.project import linters
from sagemaker_gitops.project.linters import LINTERS, Linter
from tests.sample import ROOT

CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for repo in CONFIG["repos"] for hook in repo["hooks"]}


def test_every_linter_is_a_hook() -> None:
    """A linter added to `lint` needs a hook, and a hook needs a linter."""
    assert set(HOOKS) == {linter.name for linter in LINTERS}


@pytest.mark.parametrize("name", HOOKS)
def test_hook_runs_the_pinned_linter(name: str) -> None:
    """A hook is `lint` for one linter, with the same arguments and the same version."""
    assert HOOKS[name]["entry"] == f".venv/bin/pipeline lint --only {name}"


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.name)
def test_hook_wakes_for_every_file_of_its_linter(linter: Linter) -> None:
    """No file that `lint` reads can change without its hook."""
    pattern = re.compile(HOOKS[linter.name]["files"])
    # Linters of Python find their files themselves; a project without scripts has nothing for shellcheck.
    read = linters.files(linter, ROOT) if linter.files else ["model/train/train.py"]

    asleep = [file for file in read if (ROOT / file).is_file() and not pattern.search(file)]

    assert asleep == []


def test_hook_stops_a_commit(checkout: Path) -> None:
    """pre-commit really runs the hook, and its failure names the file and the line."""
    (checkout / ".venv").symlink_to(sys.prefix)
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "Base"]):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    (checkout / "model/train/bad.sh").write_text("#!/bin/sh\necho $1\n")
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)

    done = subprocess.run(
        [Path(sys.prefix) / "bin/pre-commit", "run"], cwd=checkout, capture_output=True, text=True, check=False
    )

    hooks = {line.split(".")[0]: line for line in done.stdout.splitlines() if "...." in line}
    assert done.returncode == 1
    assert hooks["shellcheck"].endswith("Failed")
    assert "model/train/bad.sh:2: shellcheck: " in done.stdout
