"""upgrade: take what changed in the template since this project was made, keep what changed here, check the sum."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError, UpgradeConflicts, UpgradeUnsound
from sagemaker_gitops.project import template
from sagemaker_gitops.project.template import Record, git
from sagemaker_gitops.stages.result import StageResult

# In a process of its own, because both the code and the locked dependencies are others now.
_CHECK = ("make", "check")
_TOLD_CHARACTERS = 3000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version (the newest if None), from where (as recorded if None), whether only to look, and to check."""

    to: str | None
    source: str | None
    dry_run: bool
    check: bool
    progress: Callable[[str], None]


def run(root: Path, options: Options) -> StageResult:
    """Merge the difference of two versions of the template into the work tree, as git cherry-picks a commit."""
    record = template.read(root)
    _require_clean(root)
    with template.cloned(options.source or record.template) as source:
        wanted = options.to or source.newest()
        if wanted == record.commit:
            return StageResult(summary=f"### upgrade\nThis project is at {wanted} already.", outputs={"to": wanted})
        options.progress(f"baking {record.commit} and {wanted} with the recorded answers")
        change = _change(root, source, record, wanted)
    if options.dry_run:
        with _copy(root) as beside:
            changed, conflicts = _apply(beside, change)
        return _told(record, wanted, changed, conflicts, verb="would change")
    changed, conflicts = _apply(root, change)
    if conflicts:
        raise _conflicts(wanted, changed, conflicts)
    if options.check:
        options.progress(f"running `{' '.join(_CHECK)}` on the {len(changed)} changed files and the rest")
        _require_sound(root, wanted, changed)
    return _told(record, wanted, changed, conflicts, verb="changed", checked=options.check)


def _require_sound(root: Path, wanted: str, changed: list[str]) -> None:
    """Run the upgraded project's own checks on what the merge left."""
    if shutil.which(_CHECK[0]) is None:
        raise _unsound(wanted, changed, f"nothing was checked: there is no {_CHECK[0]} on PATH")
    # The project's own environment is meant, not the one that this process runs in.
    surroundings = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        _CHECK, cwd=root, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise _unsound(wanted, changed, f"`{' '.join(_CHECK)}` fails:\n{done.stdout.strip()[-_TOLD_CHARACTERS:]}")


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


def _change(root: Path, source: template.Template, record: Record, wanted: str) -> str:
    """Store both bakes as commits, the newer one after the older."""
    before = source.bake(record.commit, record, recorded=record.commit)
    old = template.commit_of(root, before, parent=None, message=f"Template {record.commit}")
    after = source.bake(wanted, record, recorded=wanted)
    return template.commit_of(root, after, parent=old, message=f"Template {wanted}")


def _apply(root: Path, change: str) -> tuple[list[str], list[str]]:
    """Merge a commit into the work tree; return the files that changed, and those in conflict."""
    words = ["git", "cherry-pick", "--no-commit", "--allow-empty", "-Xfind-renames", change]
    subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    conflicts = git(root, "diff", "--name-only", "--diff-filter=U").split("\n")
    changed = git(root, "diff", "--name-only", "HEAD").split("\n")
    return sorted(filter(None, set(changed))), sorted(filter(None, set(conflicts)))


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


def _told(
    record: Record, wanted: str, changed: list[str], conflicts: list[str], *, verb: str, checked: bool = False
) -> StageResult:
    marks = [f"- `{name}`{' **conflict**' if name in conflicts else ''}" for name in sorted({*changed, *conflicts})]
    sound = f" `{' '.join(_CHECK)}` passes." if checked else ""
    left = "`make test`" if checked else "`make check` and `make test`"
    next_step = f"Look at it with `git diff HEAD`, run {left}, and commit." if marks else ""
    first = f"### upgrade\nFrom {record.commit} to {wanted}: {len(marks)} files {verb}.{sound}"
    return StageResult(
        summary="\n".join([first, "", *marks, "", next_step]),
        outputs={
            "to": wanted,
            "changed": str(len(changed)),
            "conflicts": str(len(conflicts)),
            "checked": str(checked).lower(),
        },
    )


def _unsound(wanted: str, changed: list[str], what: str) -> UpgradeUnsound:
    return UpgradeUnsound(
        f"{len(changed)} files took the change to {wanted} without a conflict, but {what}",
        where="the work tree; nothing is committed",
        next_step="mend it and commit, or take all back with `git reset --hard`; `--no-check` merges alone",
    )


def _conflicts(wanted: str, changed: list[str], conflicts: list[str]) -> UpgradeConflicts:
    return UpgradeConflicts(
        f"{len(changed)} files took the change to {wanted}, {len(conflicts)} hold conflicts:\n    "
        + "\n    ".join(conflicts),
        where="marked as git marks them: <<<<<<< yours, >>>>>>> the template's",
        next_step="resolve them, `git add` them, run `make check` and `make test`, and commit; "
        "or take all back with `git reset --hard`",
    )
