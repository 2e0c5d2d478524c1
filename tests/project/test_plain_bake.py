"""Plain cookiecutter makes a project of a clone, far from it, and the project's two commands work there."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.bake import ROOT, tracked
from tests.commands import make
from uv import find_uv_bin

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tracked files, as a fresh clone has them."""
    clone = tmp_path_factory.mktemp("clone") / "template"
    for name in tracked(ROOT):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes((ROOT / name).read_bytes())
    return clone


@pytest.fixture(scope="module")
def cookiecutter(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install cookiecutter and nothing of ours."""
    python = tmp_path_factory.mktemp("cookiecutter") / "bin/python"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", python.parents[1]], check=True)
    lock = clone / "tests/requirements-bake.txt"
    subprocess.run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock], check=True)
    return python.with_name("cookiecutter")


@pytest.fixture(scope="module")
def project(clone: Path, cookiecutter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bake in an empty folder, with an empty home, and without a variable that says where anything lies."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environ = {"HOME": str(tmp_path_factory.mktemp("home")), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    done = subprocess.run(
        [cookiecutter, clone, "--no-input"], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "make demo" in done.stdout
    return folder / "mortgage-decisions"


def test_bake_leaves_the_clone_as_it_was(clone: Path, project: Path) -> None:
    """The wheels are packed into cookiecutter's copy: the project has them, the clone has not."""
    assert len([*(project / "vendor").glob("*.whl")]) == 2
    assert sorted(path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()) == tracked(ROOT)


@pytest.mark.parametrize("word", ["demo", "test"])
def test_command_of_the_readme_works(project: Path, word: str) -> None:
    """`make demo` and `make test`, right after the bake and before any commit."""
    run = make(word, folder=project)

    assert run.returncode == 0, run.stdout[-8000:]
    assert ("none lost" if word == "demo" else " passed") in run.stdout
