"""What workflows must hold, beside what actionlint and zizmor know."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project.marked_yaml import allowed, below, compose, items, text

_LONGEST_MINUTES = 120
_PIN = re.compile(r"@[0-9a-f]{40} # v\d+(\.\d+)*\s*$")


def findings(root: Path) -> Iterator[Annotation]:
    """Yield what a workflow or an action of this repository does otherwise than the project promises."""
    folder = root / ".github"
    paths = [*sorted(folder.glob("workflows/*.y*ml")), *sorted(folder.glob("actions/*/action.y*ml"))]
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node, message in _file(compose(path), lines):
            if not allowed(lines, node):
                yield Annotation(message=message, file=path.relative_to(root).as_posix(), line=node.start_mark.line + 1)


def _file(document: yaml.Node | None, lines: list[str]) -> Iterator[tuple[yaml.Node, str]]:
    jobs = below(document, "jobs")
    if document is not None and jobs is not None:
        permissions = below(document, "permissions")
        if not isinstance(permissions, yaml.MappingNode) or permissions.value:
            yield permissions or document, "the top of a workflow grants something; write `permissions: {}`"
    for name, job in items(jobs):
        minutes = text(below(job, "timeout-minutes"))
        if below(job, "uses") is None and not (minutes.isdigit() and int(minutes) <= _LONGEST_MINUTES):
            yield job, f"job {name} needs timeout-minutes of at most {_LONGEST_MINUTES}; GitHub's own are six hours"
        yield from _uses(below(job, "uses"), lines)
        yield from _steps(below(job, "steps"), lines)
    yield from _steps(below(below(document, "runs"), "steps"), lines)


def _steps(steps: yaml.Node | None, lines: list[str]) -> Iterator[tuple[yaml.Node, str]]:
    for step in steps.value if isinstance(steps, yaml.SequenceNode) else ():
        yield from _uses(below(step, "uses"), lines)
        run = below(step, "run")
        if run is not None and "\n" in text(run).strip():
            yield run, "what runs is one line that can be typed on a laptop; put the rest into a command"
        if run is not None and "${{" in text(run):
            yield run, "an expression inside `run` is code that somebody else may write; hand it over by `env`"


def _uses(uses: yaml.Node | None, lines: list[str]) -> Iterator[tuple[yaml.Node, str]]:
    if uses is not None and not text(uses).startswith("./") and not _PIN.search(lines[uses.start_mark.line]):
        yield uses, f"{text(uses)} is not pinned: write the release's 40-digit commit and `# v1.2.3` behind it"
