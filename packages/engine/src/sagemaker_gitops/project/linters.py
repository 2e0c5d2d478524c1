"""The linters of .pre-commit-config.yaml, run side by side, and how their findings read."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sagemaker_gitops.errors import Annotation, ConfigurationError

LIST = ".pre-commit-config.yaml"
_VENV = ".venv/bin/"
_PROGRAMS = Path(sys.executable).parent
_RESTORE = "restore it from git, or from the template with `pipeline upgrade`"
_LEFT = re.compile(r"\.|node_modules$|__pycache__$")
_TIMEOUT_SECONDS = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# file:line: message, as compilers have always written it; some write columns or an end between.
_LINE = re.compile(r"(?:hadolint:)?(?P<file>[^:\s][^:]*):(?P<line>\d+):(?:\d+:)*\s*(?P<message>.+)")
# zizmor knows no such form, but GitHub's own: ::warning file=F,line=N,title=T::message
_COMMAND = re.compile(r"::(?:error|warning|notice) file=(?P<file>[^,]+),line=(?P<line>\d+)[^:]*::(?P<message>.+)")


@dataclass(frozen=True, kw_only=True)
class Linter:
    """A hook of .pre-commit-config.yaml: its command, whose files it is about, and whether they are named to it."""

    name: str
    command: tuple[str, ...]
    pattern: str = ""
    names_files: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one linter said; `fault` when it could not do its work."""

    name: str
    findings: tuple[Annotation, ...] = ()
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether there is nothing to fix."""
        return not self.findings and not self.fault


def read(root: Path) -> tuple[Linter, ...]:
    """Read the list that pre-commit has, too; a hook that pre-commit installs from elsewhere is left to it."""
    path = root / LIST
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(
            _linter(hook)
            for repository in listed["repos"]
            if repository["repo"] == "local"
            for hook in repository["hooks"]
            if hook["language"] == "system"
        )
    except FileNotFoundError as error:
        raise ConfigurationError("it lists the linters, and is missing", where=str(path), next_step=_RESTORE) from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigurationError(f"not pre-commit's: {error!r}", where=str(path), next_step=_RESTORE) from error


def _linter(hook: Mapping[str, Any]) -> Linter:
    # The hook's path is a project's on a laptop; elsewhere the programs lie beside the Python that runs this.
    words = [word.replace(_VENV, f"{_PROGRAMS}/") for word in shlex.split(hook["entry"])]
    return Linter(
        name=hook["id"],
        command=(*words, *hook.get("args", ())),
        pattern=hook.get("files", ""),
        names_files=hook.get("pass_filenames", True),
    )


def run(linters: Iterable[Linter], root: Path, progress: Callable[[str], None]) -> tuple[Outcome, ...]:
    """Run linters side by side on the checkout at `root`; `progress` hears of each that is done."""
    chosen = tuple(linters)
    _require(chosen)

    def check(linter: Linter) -> Outcome:
        outcome = _check(linter, root)
        progress(f"{linter.name} is done")
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as pool:
        return tuple(pool.map(check, chosen))


def files(linter: Linter, root: Path) -> list[str]:
    """List the files that a linter is about, relative to `root`; what tools leave in a checkout is none of them."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name == ".github" or not _LEFT.match(name))
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in sorted(names)]
    return [name for name in found if re.search(linter.pattern, name)]


def _require(linters: Iterable[Linter]) -> None:
    named = {word.rpartition("=")[2] for linter in linters for word in linter.command}
    missing = sorted(
        {Path(word).name for word in named if word.startswith(f"{_PROGRAMS}/") and not Path(word).is_file()}
    )
    if missing:
        raise ConfigurationError(
            f"not installed: {', '.join(missing)}",
            where=str(_PROGRAMS),
            next_step="run `make setup`; requirements.txt pins every linter",
        )


def _check(linter: Linter, root: Path) -> Outcome:
    about = files(linter, root)
    if not about:
        return Outcome(name=linter.name)
    done = subprocess.run(
        [*linter.command, *(about if linter.names_files else ())],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    findings = tuple(_findings(linter.name, _COLOUR.sub("", done.stdout)))
    broken = done.returncode != 0 and not findings
    said = _COLOUR.sub("", done.stderr + done.stdout).strip()
    return Outcome(name=linter.name, findings=findings, fault=said[-1000:] or "no message" if broken else "")


def _findings(name: str, output: str) -> Iterable[Annotation]:
    for text in output.splitlines():
        match = _COMMAND.match(text) or _LINE.match(text)
        # mypy's notes explain the error above them.
        if match and not (name == "mypy" and match["message"].startswith("note: ")):
            file = match["file"].removeprefix("./")
            yield Annotation(message=f"{name}: {match['message']}", file=file, line=int(match["line"]))
