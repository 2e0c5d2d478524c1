"""Fixtures: the template as git has it, and projects baked from the named answers."""

import importlib
import json
import os
from pathlib import Path

import pytest
from tests.bake import ROOT, bake, commit, export
from tests.commands import make
from tests.sample import ROOT as SAMPLE
from tests.sample import refresh

# Projects' files: their tests run inside of a project.
collect_ignore = ["examples", "snapshot"]
ANSWERS = Path(__file__).parent / "answers"
HERE = Path(__file__).parent
ENGINE = ("cache", "experiments", "infra", "release/live", "scale")
ACCEPTANCE = (HERE / "act", HERE / "containers", *(HERE / "engine" / name for name in ENGINE))
# The gates and their helpers look for the project there, as pytest runs in the template's root.
os.environ["PROJECT_ROOT"] = str(SAMPLE)
pytest_plugins = ["sagemaker_gitops_modelkit.gates.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    """Bake the sample once, before any worker starts."""
    if not hasattr(config, "workerinput"):
        refresh()
        # Python remembers that the sample's folder on its path was not there yet, in a fresh checkout.
        importlib.invalidate_caches()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes minutes, so that `make test` stays quick."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in ACCEPTANCE):
            item.add_marker(pytest.mark.acceptance)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the tracked files that cookiecutter reads, without what else lies in the checkout."""
    return export(ROOT, tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session", params=sorted(path.stem for path in ANSWERS.glob("*.json")))
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Read one named answer file after the other."""
    values: dict[str, str] = json.loads((ANSWERS / f"{request.param}.json").read_text(encoding="utf-8"))
    return values


@pytest.fixture(scope="session")
def baked(template: Path, answers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bake the project that those answers make."""
    scratch = tmp_path_factory.mktemp("bake")
    return bake(template, scratch / "projects" / answers["project"], answers, scratch)


@pytest.fixture(scope="session")
def installed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bake with the default answers, commit, and install the locked dependencies."""
    scratch = tmp_path_factory.mktemp("generated")
    project = bake(template, scratch / "mortgage-decisions", {}, scratch)
    commit(project)
    run = make("setup", folder=project)
    assert run.returncode == 0, run.stdout
    return project


@pytest.fixture(scope="session")
def project_python(request: pytest.FixtureRequest) -> Path:
    """Return an interpreter with a project's dependencies: PROJECT_PYTHON if that is set, else one made for it."""
    if given := os.environ.get("PROJECT_PYTHON"):
        return Path(given)
    project: Path = request.getfixturevalue("installed")
    return project / ".venv/bin/python"
