"""The template that this project was made from: what .cruft.json records, and how two of its versions differ.

The record is cruft's own format, so that cruft can read it too.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from uv import find_uv_bin

from sagemaker_gitops.errors import ConfigurationError, TemplateUnusable

RECORD = ".cruft.json"
# The template's own lock of what a bake needs.
_LOCK = "tests/requirements-bake.txt"
_IDENTITY = ("-c", "user.name=upgrade", "-c", "user.email=upgrade@localhost", "-c", "commit.gpgsign=false")


class _Context(BaseModel):
    cookiecutter: dict[str, Any]


class Record(BaseModel):
    """Where the project came from: the template, its version, and the answers."""

    model_config = ConfigDict(extra="allow")

    template: str
    commit: str
    context: _Context

    @property
    def answers(self) -> dict[str, str]:
        """The answers to the template's questions; what it derives itself is left out."""
        return {name: str(value) for name, value in self.context.cookiecutter.items() if not name.startswith("_")}


def read(root: Path) -> Record:
    """Read the record of the project at `root`."""
    path = root / RECORD
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as err:
        raise ConfigurationError(
            f"the record of the template cannot be read: {err}",
            where=str(path),
            next_step="restore it from git; a project that is older than the record writes it by hand, as cruft does",
        ) from err


class Template:
    """A clone of the template, with an environment to bake it in."""

    def __init__(self, clone: Path, scratch: Path) -> None:
        self._clone = clone
        self._scratch = scratch

    def newest(self) -> str:
        """Name the newest released version."""
        tags = git(self._clone, "tag", "--list", "v*", "--sort=-version:refname").splitlines()
        if not tags:
            raise _unusable("it has no released version", self._clone, "name a branch or a commit with --to")
        return tags[0]

    def bake(self, version: str, record: Record, *, recorded: str) -> Path:
        """Make the project that the recorded answers give at a version; `recorded` is the version it notes."""
        git(self._clone, "checkout", "--quiet", "--force", "--detach", version)
        folder = self._scratch / f"baked-{recorded.replace('/', '-')}"
        config = self._scratch / "cookiecutter.json"
        config.write_text(json.dumps({"replay_dir": str(folder), "cookiecutters_dir": str(folder)}), encoding="utf-8")
        answers = [f"{name}={value}" for name, value in record.answers.items()]
        words = ["--no-input", "--config-file", str(config), "--output-dir", str(folder), str(self._clone), *answers]
        _run([str(self._python()), "-m", "cookiecutter", *words], where=version)
        project = folder / record.answers["project"]
        _note(project / RECORD, record, recorded)
        return project

    def _python(self) -> Path:
        environment = self._scratch / "environment"
        python = environment / "bin" / "python"
        if not python.exists():
            uv, lock = find_uv_bin(), str(self._clone / _LOCK)
            _run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], where=_LOCK)
            _run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), lock], where=_LOCK)
        return python


@contextmanager
def cloned(source: str) -> Iterator[Template]:
    """Clone the template for a while."""
    with tempfile.TemporaryDirectory(prefix="template-") as folder:
        scratch = Path(folder)
        git(scratch, "clone", "--quiet", _address(source), "clone")
        yield Template(scratch / "clone", scratch)


def commit_of(root: Path, folder: Path, *, parent: str | None, message: str) -> str:
    """Store a folder's files as a commit in the repository at `root`, on no branch; return its name."""
    with tempfile.TemporaryDirectory(prefix="index-") as scratch:
        away = {"GIT_INDEX_FILE": str(Path(scratch) / "index"), "GIT_WORK_TREE": str(folder)}
        git(root, "add", "--all", "--force", ".", cwd=folder, variables=away)
        tree = git(root, "write-tree", variables=away).strip()
    parents = ("-p", parent) if parent else ()
    return git(root, *_IDENTITY, "commit-tree", tree, *parents, "-m", message).strip()


def git(root: Path, *words: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> str:
    """Run git on the repository at `root`; TemplateUnusable holds its words."""
    if cwd:
        variables = {**(variables or {}), "GIT_DIR": _git_folder(root)}
    return _run(["git", *words], where=str(root), cwd=cwd or root, variables=variables)


def _git_folder(root: Path) -> str:
    return _run(["git", "rev-parse", "--absolute-git-dir"], where=str(root), cwd=root).strip()


def _run(words: list[str], *, where: str, cwd: Path | None = None, variables: dict[str, str] | None = None) -> str:
    # The machine's own certificates count, so that a company's proxy works.
    surroundings = {"UV_SYSTEM_CERTS": "1"} | {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        words, cwd=cwd, env={**surroundings, **(variables or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tool = Path(words[0]).name
        raise _unusable(f"{tool}: {(done.stderr or done.stdout).strip()[-800:]}", where, "fix it, and run it again")
    return done.stdout


def _note(path: Path, record: Record, version: str) -> None:
    """Have a bake note where the project really comes from, and not the clone that it was made of."""
    if path.exists():
        noted = json.loads(path.read_text(encoding="utf-8")) | {"template": record.template, "commit": version}
        path.write_text(json.dumps(noted, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _address(source: str) -> str:
    """Spell out cookiecutter's short form."""
    return f"https://github.com/{source.removeprefix('gh:')}.git" if source.startswith("gh:") else source


def _unusable(what: str, where: object, next_step: str) -> TemplateUnusable:
    return TemplateUnusable(f"the template cannot be used: {what}", where=str(where), next_step=next_step)
