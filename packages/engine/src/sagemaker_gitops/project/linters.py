"""The linters that every change must satisfy: how each is called, and how its findings read."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import Annotation, ConfigurationError

_PROGRAMS = Path(sys.executable).parent
_TIMEOUT_SECONDS = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# file:line: message, as compilers have always written it; some write columns or an end between.
_LINE = re.compile(r"(?:hadolint:)?(?P<file>[^:\s][^:]*):(?P<line>\d+):(?:\d+:)*\s*(?P<message>.+)")
# zizmor knows no such form, but GitHub's own: ::warning file=F,line=N,title=T::message
_COMMAND = re.compile(r"::(?:error|warning|notice) file=(?P<file>[^,]+),line=(?P<line>\d+)[^:]*::(?P<message>.+)")


@dataclass(frozen=True, kw_only=True)
class Linter:
    """A program of requirements.txt, its arguments, and the globs of the files to name (it finds them if none)."""

    name: str
    command: tuple[str, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one linter said; `fault` when it could not do its work."""

    name: str
    findings: tuple[Annotation, ...] = ()
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether there is nothing to mend."""
        return not self.findings and not self.fault


LINTERS = (
    Linter(name="ruff", command=("ruff", "check", "--output-format", "concise", ".")),
    Linter(name="ruff-format", command=("ruff", "format", "--check", "--output-format", "concise", ".")),
    Linter(name="mypy", command=("mypy", "--no-error-summary", ".")),
    Linter(
        name="actionlint",
        # Without the path, actionlint silently leaves the scripts unchecked where it finds no shellcheck.
        command=("actionlint", "-oneline", "-no-color", "-pyflakes=", f"-shellcheck={_PROGRAMS / 'shellcheck'}"),
        files=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
    ),
    Linter(
        name="zizmor",
        command=("zizmor", "--offline", "--pedantic", "--strict-collection", "--no-progress", "--format", "github"),
        files=(".github", ".pre-commit-config.yaml"),
    ),
    Linter(
        name="hadolint",
        command=("hadolint", "--format", "gnu"),
        files=("model/**/Dockerfile",),
    ),
    Linter(
        name="shellcheck",
        command=("shellcheck", "--format", "gcc"),
        files=("model/**/*.sh",),
    ),
    Linter(
        name="cfn-lint",
        # Remarks count too: a queue that would be deleted with its stack is one.
        command=("cfn-lint", "--include-checks", "I", "--format", "parseable"),
        files=("infra/lib/**/*.yml", "infra/lib/**/*.yaml"),
    ),
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
    """List what a linter is given, relative to `root`."""
    found = {path for pattern in linter.files for path in root.glob(pattern)}
    return sorted(path.relative_to(root).as_posix() for path in found)


def _require(linters: Iterable[Linter]) -> None:
    programs = {"shellcheck"} | {linter.command[0] for linter in linters}
    missing = sorted(name for name in programs if not (_PROGRAMS / name).is_file())
    if missing:
        raise ConfigurationError(
            f"not installed: {', '.join(missing)}",
            where=str(_PROGRAMS),
            next_step="run `make setup`; requirements.txt pins every linter",
        )


def _check(linter: Linter, root: Path) -> Outcome:
    targets = files(linter, root)
    if linter.files and not targets:
        return Outcome(name=linter.name)
    program, *arguments = linter.command
    done = subprocess.run(
        [_PROGRAMS / program, *arguments, *targets],
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
