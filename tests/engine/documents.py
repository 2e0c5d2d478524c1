"""The documents, read as data: the commands they print, and the consoles whose output they promise."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer.main
from sagemaker_gitops.cli.app import app
from sagemaker_gitops.local.server.cli import Project, parser
from tests.bake import ROOT as REPOSITORY
from tests.sample import ROOT

_FENCE = re.compile(r"^ *```(\w+)?( local)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"pipeline ([^`\n]*)")
# What a document writes for "your own value"; any value that is valid will do.
_PLACEHOLDERS = {"ENV": "dev", "N": "1", "ID": "an-id"}
_SHELL = re.compile(r"[|;&>)].*$")
# Sentences about every command name none; one about all of `local` names no command of it.
_GENERAL = frozenset({"STAGE", "…", "$@"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command on a console, and the output that the document promises."""

    command: str
    output: str


def documents() -> list[Path]:
    """List everything that people read: a project's documents, and the template's own."""
    return [
        path for root in (ROOT, REPOSITORY) for path in (root / "README.md", *sorted((root / "docs").rglob("*.md")))
    ]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours: in blocks, and between backticks."""
    code = [match.group(3) for match in _FENCE.finditer(text)] + re.findall(r"`([^`\n]+)`", text)
    for told in _COMMAND.findall("\n".join(code)):
        named = re.sub(r"<(\w+)>", lambda match: match.group(1).upper(), told.rstrip("\\ "))
        words = shlex.split(_SHELL.sub("", named), comments=True)
        if words and words != ["local"] and not _GENERAL & {words[0], words[-1]}:
            yield [_PLACEHOLDERS.get(word, word) for word in words]


def parse(words: Sequence[str]) -> None:
    """Read a command as the command line would, without running it; click's UsageError says what is wrong."""
    left = [word for word in words if word not in {"--json", "--help"}]
    if left[:1] == ["local"]:
        parser(Project(name="p", account="111111111111", region="eu-west-1")).parse_args(left[1:])
        return
    command = typer.main.get_command(app)
    while left and (children := getattr(command, "commands", None)):
        command = children[left.pop(0)]
    if left or "--help" not in words:
        command.make_context("pipeline", list(left))


def steps(text: str) -> list[Step]:
    """List what stands on the consoles marked `local`, in order."""
    found = []
    for match in _FENCE.finditer(text):
        if match.group(2):
            for part in re.split(r"^\$ ", match.group(3), flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append(Step(command=command, output=output))
    return found


def promised(output: str) -> re.Pattern[str]:
    """Turn promised output into a pattern: `…` is anything in a line, alone in a line any lines."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r" *\n"
        for line in output.splitlines()
    ]
    return re.compile("".join(lines))
