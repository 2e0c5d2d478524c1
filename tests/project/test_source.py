"""The template's sources are clean as they stand, before any rendering."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, tracked

BIN = Path(sys.executable).parent
# Split so that this file passes its own check.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry" + ".npmjs",
    "npmjs" + ".com/package",
    "docker" + ".io/",
    "ghcr" + ".io",
    "quay" + ".io",
    "public.ecr" + ".aws",
    "deb" + ".debian.org",
]
CHECKS = {
    "lint": ["ruff", "check", "--config", "tests/pyproject.toml"],
    "format": ["ruff", "format", "--check", "--config", "tests/pyproject.toml"],
    "types": ["mypy", "--config-file", "tests/pyproject.toml"],
}


@pytest.mark.parametrize("check", CHECKS)
def test_hooks_and_tests_are_clean(check: str) -> None:
    """Hooks and tests obey the rules of the generated project's own code."""
    program, *arguments = CHECKS[check]

    files = [name for name in tracked(ROOT, "docs", "hooks", "tests") if name.endswith(".py")]
    if check == "types":  # an example's modules import each other as they lie in a project
        files = [name for name in files if not name.startswith("tests/examples/")]
        files += [name for name in tracked(ROOT, "packages") if name.endswith(".py")]

    run = subprocess.run([BIN / program, *arguments, *files], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_packages_are_clean(arguments: list[str]) -> None:
    """Each package obeys the same rules, by its own pyproject.toml."""
    run = subprocess.run([BIN / "ruff", *arguments, "packages"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr


def test_no_source_is_ignored() -> None:
    """What git ignores, ruff passes over and `git add` leaves out: no tracked file may be among it."""
    listing = ["git", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]

    hidden = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert hidden.split("\0")[:-1] == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_registry(host: str) -> None:
    """Packages and images come from wherever the machine is set up to get them."""
    naming = [name for name in tracked(ROOT) if host.encode() in (ROOT / name).read_bytes()]

    assert naming == []


def test_picture_is_what_its_source_draws() -> None:
    """Whoever changes the picture changes docs/architecture.py, and runs it."""
    drawn = runpy.run_path(str(ROOT / "docs/architecture.py"))["draw"]()

    assert (ROOT / TEMPLATE / "docs/architecture.svg").read_text(encoding="utf-8") == drawn


def test_uv_is_one_version() -> None:
    """The uv that is installed first is the uv that the locks then keep."""
    locks = ["vendor/uv.txt", "requirements.txt"]
    texts = [(ROOT / TEMPLATE / name).read_text(encoding="utf-8") for name in locks]
    texts.append((ROOT / "tests/requirements.txt").read_text(encoding="utf-8"))

    versions = {line for text in texts for line in text.splitlines() if line.startswith("uv==")}

    assert len(versions) == 1
