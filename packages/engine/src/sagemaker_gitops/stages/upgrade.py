"""upgrade: take what changed in the template since this project was made, keep what changed here, run the checks."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError, UpgradeConflicts, UpgradeUnsound
from sagemaker_gitops.project import template, wheels
from sagemaker_gitops.project.template import Record, git
from sagemaker_gitops.stages.result import StageResult

# In a process of its own, because both the packages and the locked dependencies are others now.
_CHECK = ("make", "check")
_SHOWN_CHARACTERS = 3000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version (the newest if None), from where (as recorded if None), whether only to look, and to check."""

    to: str | None
    source: str | None
    dry_run: bool
    check: bool
    progress: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Merge:
    """The files that a merge changed, and those that it left in conflict."""

    changed: list[str]
    conflicts: list[str]


def run(root: Path, options: Options) -> StageResult:
    """Merge the difference of two versions of the template into the work tree, as git cherry-picks a commit."""
    record = template.read(root)
    _require_clean(root)
    with template.cloned(options.source or record.template) as source:
        version = options.to or source.newest()
        if version == record.commit:
            return StageResult(summary=f"### upgrade\nThis project is at {version} already.", outputs={"to": version})
        options.progress(f"baking {record.commit} and {version} with the recorded answers")
        difference = _difference(root, source, record, version)
    if options.dry_run:
        with _copy(root) as beside:
            return _result(record, version, _merge(beside, difference), verb="would change")
    merge = _merge(root, difference)
    if merge.conflicts:
        raise _conflicts(version, merge)
    if options.check:
        options.progress(f"running `{' '.join(_CHECK)}` on the {len(merge.changed)} changed files and the rest")
        _require_sound(root, version, merge)
    return _result(record, version, merge, verb="changed", checked=options.check)


def _require_clean(root: Path) -> None:
    if not (root / ".git").exists():
        raise ConfigurationError(
            "this folder is no Git repository, so nothing could keep your changes apart from the template's",
            where=str(root),
            next_step='`git init`, `git add --all` and `git commit --message "Start from the template"` first',
        )
    if git(root, "status", "--porcelain", "--untracked-files=no").strip():
        raise ConfigurationError(
            "there are changes that are not committed; an upgrade would mix with them",
            where=str(root),
            next_step="commit them first: afterwards `git diff` shows the upgrade alone",
        )


def _difference(root: Path, source: template.Template, record: Record, version: str) -> str:
    """Store both bakes as commits, the newer one after the older; return the newer one's name."""
    older = source.bake(record.commit, record, recorded=record.commit)
    wheels.require_unedited(root, older, version=record.commit)
    newer = source.bake(version, record, recorded=version)
    wheels.keep_own(root, older, newer)
    parent = template.commit_of(root, older, parent=None, message=f"Template {record.commit}")
    return template.commit_of(root, newer, parent=parent, message=f"Template {version}")


def _merge(root: Path, commit: str) -> _Merge:
    """Merge a commit into the work tree."""
    words = ["git", "cherry-pick", "--no-commit", "--allow-empty", "-Xfind-renames", commit]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    conflicts = _names(root, "--diff-filter=U")
    if done.returncode and not conflicts:
        raise ConfigurationError(
            f"git merged nothing: {done.stderr.strip()}",
            where=str(root),
            next_step="move what git names out of the way, or commit it, and run the command again",
        )
    return _Merge(changed=_names(root, "HEAD"), conflicts=conflicts)


def _names(root: Path, *words: str) -> list[str]:
    return sorted(set(filter(None, git(root, "diff", "--name-only", "-z", *words).split("\0"))))


@contextmanager
def _copy(root: Path) -> Iterator[Path]:
    """Give a second work tree at HEAD, for a while."""
    with tempfile.TemporaryDirectory(prefix="upgrade-") as folder:
        path = Path(folder) / "tree"
        git(root, "worktree", "add", "--quiet", "--detach", str(path))
        try:
            yield path
        finally:
            git(root, "worktree", "remove", "--force", str(path))


def _require_sound(root: Path, version: str, merge: _Merge) -> None:
    """Run the upgraded project's own checks on what the merge left."""
    if shutil.which(_CHECK[0]) is None:
        raise _unsound(version, merge, f"nothing was checked: there is no {_CHECK[0]} on PATH")
    # The project's own environment is meant, not the one that this process runs in.
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        _CHECK, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise _unsound(version, merge, f"`{' '.join(_CHECK)}` fails:\n{done.stdout.strip()[-_SHOWN_CHARACTERS:]}")


def _result(record: Record, version: str, merge: _Merge, *, verb: str, checked: bool = False) -> StageResult:
    names = sorted({*merge.changed, *merge.conflicts})
    lines = [f"- `{name}`{' **conflict**' if name in merge.conflicts else ''}" for name in names]
    passes = f" `{' '.join(_CHECK)}` passes." if checked else ""
    left = "`make test`" if checked else "`make check` and `make test`"
    next_step = f"Look at it with `git diff HEAD`, run {left}, and commit." if lines else ""
    first = f"### upgrade\nFrom {record.commit} to {version}: {len(lines)} files {verb}.{passes}"
    return StageResult(
        summary="\n".join([first, "", *lines, "", next_step]),
        outputs={
            "to": version,
            "changed": str(len(merge.changed)),
            "conflicts": str(len(merge.conflicts)),
            "checked": str(checked).lower(),
        },
    )


def _unsound(version: str, merge: _Merge, what: str) -> UpgradeUnsound:
    return UpgradeUnsound(
        f"{len(merge.changed)} files took the change to {version} without a conflict, but {what}",
        where="the work tree; nothing is committed",
        next_step="fix it and commit, or take all back with `git reset --hard`; `--no-check` merges alone",
    )


def _conflicts(version: str, merge: _Merge) -> UpgradeConflicts:
    return UpgradeConflicts(
        f"{len(merge.changed)} files took the change to {version}, {len(merge.conflicts)} hold conflicts:\n    "
        + "\n    ".join(merge.conflicts),
        where="marked as git marks them: <<<<<<< yours, >>>>>>> the template's",
        next_step="resolve them, `git add` them, run `make check` and `make test`, and commit; "
        "or take all back with `git reset --hard`",
    )
