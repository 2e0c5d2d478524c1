"""Every set of answers with every Python: the locks install, the linters pass, the stacks stand, the loop runs.

An interpreter that this machine lacks is left out here; ci.yml gives each its own run.
"""

import functools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.bake import ROOT, bake, commit
from tests.commands import make, newcomer
from tests.documents import load
from tests.interpreters import PYTHONS, find, version_of
from tests.snapshots import ANSWERS

pytestmark = pytest.mark.acceptance
# The answers that are hardest to satisfy, each with one Python.
LOOPS = {"3.11": "long-name", "3.12": "multi-account", "3.13": "punctuation"}


@pytest.fixture(scope="module")
def environments(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a project's environment with a version of Python when it is first asked for; give the project."""

    @functools.cache
    def made(version: str) -> Path:
        scratch = tmp_path_factory.mktemp(f"python{version}")
        project = bake(template, scratch / "mortgage-decisions", {}, scratch)
        commit(project)
        run = make("setup", f"PYTHON={find(version)}", folder=project)
        assert run.returncode == 0, run.stdout
        assert version_of(project / ".venv/bin/python") == version
        return project

    return made


@pytest.fixture(params=PYTHONS)
def environment(request: pytest.FixtureRequest, environments: Callable[[str], Path]) -> Path:
    """Give a project with the environment of one Python, from the locks."""
    version: str = request.param
    if find(version) is None:
        pytest.skip(f"there is no Python {version} here")
    return environments(version)


@pytest.fixture
def project(environment: Path, answers: dict[str, str], template: Path, tmp_path: Path) -> Path:
    """Bake a project of some answers that shares the environment, which is the same for all."""
    return sharing(environment, bake(template, tmp_path / answers["project"], answers, tmp_path))


def sharing(environment: Path, project: Path) -> Path:
    """Give a project the environment of another."""
    commit(project)
    (project / ".venv").symlink_to(environment / ".venv")
    return project


def test_some_interpreter_is_here() -> None:
    """The matrix cannot pass by leaving everything out."""
    assert [version for version in PYTHONS if find(version)]


def test_ci_runs_every_python() -> None:
    """Each leg of ci.yml, on pull requests and every week, is one of these."""
    jobs = load(ROOT / ".github/workflows/ci.yml")["jobs"]

    assert tuple(jobs["test"]["strategy"]["matrix"]["python"]) == PYTHONS
    assert tuple(jobs["acceptance"]["strategy"]["matrix"]["python"]) == PYTHONS


def test_checks_pass(environment: Path) -> None:
    """Every linter, the types included, with the packages that this Python gets."""
    run = make("check", folder=environment)

    assert run.returncode == 0, run.stdout[-8000:]


def test_stacks_stand(local: Path, answers: dict[str, str]) -> None:
    """The stacks of all environments come up in the accounts that were answered, the registry's first."""
    told = [run(local, "bootstrap", "aws", "--env", env, "--yes", account=account) for env, account in places(local)]

    assert f"{answers['project']}-storage-prod" in "".join(told)
    assert "nothing to change" in run(local, "bootstrap", "aws", "--env", "prod", "--yes", account=places(local)[-1][1])


@pytest.fixture
def local(project: Path) -> Iterator[Path]:
    """Start the project's AWS; stop it afterwards."""
    run(project, "local", "up")
    yield project
    run(project, "local", "down")


def places(project: Path) -> list[tuple[str, str]]:
    """List whose stacks are made as which account: the registry's, then each environment's."""
    config = json.loads((project / "infra/config/project.json").read_text(encoding="utf-8"))
    return [("dev", config["registry_account"]), *config["accounts"].items()]


def run(project: Path, *words: str, account: str = "") -> str:
    """Run a command, on the local AWS as a user of an account, to a good end."""
    surroundings = newcomer()
    if account:
        exports = run(project, "local", "env", "--account", account).splitlines()
        surroundings |= dict(line.removeprefix("export ").split("=", 1) for line in exports)
    done = subprocess.run(
        [project / ".venv/bin/python", "-m", "sagemaker_gitops", *words],
        cwd=project,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_whole_loop_runs(environment: Path, template: Path, tmp_path: Path) -> None:
    """`make demo` reaches prod and comes back, for answers that are not the default ones."""
    named = LOOPS[version_of(environment / ".venv/bin/python")]
    answers = json.loads((ANSWERS / f"{named}.json").read_text(encoding="utf-8"))
    project = sharing(environment, bake(template, tmp_path / answers["project"], answers, tmp_path))

    loop = make("demo", folder=project)

    assert loop.returncode == 0, loop.stdout[-8000:]
    assert "none lost" in loop.stdout
