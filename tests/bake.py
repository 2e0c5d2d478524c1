"""Bake a project from the checkout's tracked files: `python tests/bake.py build/demo-project`.

Cookiecutter copies every file that it finds, environments and earlier bakes too, so what a bake
reads is exported first: from a checkout what git tracks, from a download what its folders hold.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cookiecutter.exceptions import CookiecutterException
from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "<<cookiecutter.project>>"
PARTS = ("cookiecutter.json", "hooks", "packages", TEMPLATE)


def tracked(root: Path, *paths: str) -> list[str]:
    """List the files under `paths` that git keeps and the checkout has, relative to `root`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *paths], cwd=root, check=True, capture_output=True, text=True
    )
    return sorted(name for name in listing.stdout.split("\0") if name and (root / name).is_file())


def downloaded(root: Path, *paths: str) -> list[str]:
    """List the files under `paths` of a download without git history, relative to `root`."""
    found = [path for part in paths for path in (root / part, *(root / part).rglob("*")) if path.is_file()]
    return sorted(path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts)


def export(root: Path, destination: Path) -> Path:
    """Copy what a bake reads, and nothing else of the checkout or download, and return the copy."""
    for name in (tracked if (root / ".git").exists() else downloaded)(root, *PARTS):
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    return destination


def bake(template: Path, project: Path, answers: Mapping[str, str], scratch: Path) -> Path:
    """Make or refresh `project`, named after its folder, without the caller's cookiecutter settings."""
    config = scratch / "cookiecutter-config.json"
    config.write_text(
        json.dumps({"replay_dir": str(scratch / "replay"), "cookiecutters_dir": str(scratch)}), encoding="utf-8"
    )
    project.parent.mkdir(parents=True, exist_ok=True)
    made = cookiecutter(
        str(template),
        no_input=True,
        extra_context={**answers, "project": project.name},
        output_dir=str(project.parent),
        overwrite_if_exists=True,
        config_file=str(config),
    )
    return Path(made)


def commit(project: Path) -> None:
    """Record the project's files in a git repository of its own, as its user would."""
    git = ["git", "-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
    if not (project / ".git").exists():  # git warns at a second one, and a newcomer would wonder why
        subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], cwd=project, check=True)
    subprocess.run([*git, "add", "--all"], cwd=project, check=True)
    changed = subprocess.run([*git, "diff", "--cached", "--quiet"], cwd=project, check=False).returncode
    if changed:
        message = ["--no-verify", "--message", "Bake the template"]
        subprocess.run([*git, "commit", "--quiet", *message], cwd=project, check=True)


def main(arguments: Sequence[str]) -> None:
    """Bake into the folder that is named and commit it there."""
    project = Path(arguments[0]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        try:
            bake(export(ROOT, scratch / "template"), project, {}, scratch)
        except CookiecutterException as refusal:
            sys.exit(f"{project}: {refusal}")
    commit(project)


if __name__ == "__main__":
    main(sys.argv[1:])
