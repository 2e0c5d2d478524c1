"""A repository on a GitHub of this machine, and a checkout that belongs to it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_gitops.github.client import Repository
from tests.engine.conftest import PROJECT
from tests.engine.github.stand_in import GitHub
from tests.sample import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy of the project what GitHub's set-up depends on."""
    target = tmp_path / "checkout"
    shutil.copytree(ROOT / "infra/config", target / "infra/config")
    shutil.copytree(ROOT / ".github", target / ".github")
    (target / "infra/config/project.json").write_text(json.dumps(PROJECT))
    return target


@pytest.fixture
def github() -> Iterator[GitHub]:
    """Run the stand-in for one test."""
    server = GitHub()
    yield server
    server.close()


@pytest.fixture
def repository(github: GitHub) -> Repository:
    """Open the stand-in's repository."""
    return Repository(github.state.name, token="valid", url=github.url)


@pytest.fixture
def at_home(checkout: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go where a person stands who calls the command line, with a token at hand."""
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", "valid")
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return checkout
