"""A checkout of this project in a folder of its own, named and ready to run."""

import json
import shutil
from pathlib import Path

import pytest
from tests.sample import ROOT

PROJECT = {
    "project": "loan-approval",
    "description": "Decides on mortgage applications",
    "github": {"owner": "example-bank", "repository": "loan-approval", "reviewers": "@example-bank/ml-reviewers"},
    "region": "eu-west-1",
    "accounts": {"dev": "111111111111", "staging": "111111111111", "prod": "111111111111"},
    "registry_account": "111111111111",
}
_LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".cache", ".local", ".git", "__pycache__", "node_modules", "reports", ".*_cache"
)


def copy_project(target: Path) -> Path:
    """Copy the project; its name is fixed, so that the tests run in a template and in a project alike."""
    shutil.copytree(ROOT, target, ignore=_LEFT_OUT)
    (target / "infra/config/project.json").write_text(json.dumps(PROJECT))
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the project for one test to change as it likes."""
    return copy_project(tmp_path / "checkout")
