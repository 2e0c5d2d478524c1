"""Where this runs, and how results are told there: a GitHub job, a CodeBuild build or a terminal."""

import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TextIO

from sagemaker_gitops.cli import workflow_commands
from sagemaker_gitops.errors import Annotation, PipelineError
from sagemaker_gitops.report import markdown
from sagemaker_gitops.stages.result import StageResult

_LINE = 240
# GitHub refuses the whole of a step's summary that is longer, in bytes.
_LONGEST_SUMMARY = 1024 * 1024
_REST = "\n\n**This is not all of it.** The rest stands in this step's log.\n"


class Runner(Protocol):
    """Tells outputs, summaries and annotations in the words of one place."""

    def progress(self, message: str) -> None:
        """Say what is going on."""

    def succeeded(self, result: StageResult) -> None:
        """Tell what a stage returned."""

    def failed(self, error: PipelineError) -> None:
        """Tell why a stage stopped."""


class Terminal:
    """A person, or a CodeBuild log: text, errors on stderr."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out, self._err = out or sys.stdout, err or sys.stderr

    def progress(self, message: str) -> None:
        """Print a line on stderr, so that stdout holds results alone."""
        self._say(f"· {message}", self._err)

    def succeeded(self, result: StageResult) -> None:
        """Print the summary, the annotations and the outputs."""
        self._say(result.summary, self._out)
        self._list(result.annotations)
        for name, value in result.outputs.items():
            # What is longer is a document for programs, which ask for --json.
            if len(value) <= _LINE:
                self._say(f"{name}={value}", self._out)

    def failed(self, error: PipelineError) -> None:
        """Print the error and its next step."""
        self._say(f"error: {error}", self._err)

    def _list(self, remarks: tuple[Annotation, ...]) -> None:
        for item in remarks:
            self._say(f"{item.level}: {item.file}:{item.line}: {item.message}", self._out)

    def _say(self, text: str, stream: TextIO) -> None:
        """Print a text; it may come from data, reviewers or branches, so no line of it is a command to GitHub."""
        print(workflow_commands.inert(text), file=stream, flush=True)


class GitHub(Terminal):
    """A job of GitHub Actions: workflow commands, step outputs and the job summary."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._environ = environ

    def succeeded(self, result: StageResult) -> None:
        """Write outputs and summary to the files that GitHub named."""
        super().succeeded(result)
        self._append("GITHUB_OUTPUT", "".join(_output(*item) for item in result.outputs.items()))
        self._summarise(result.summary + "\n")
        self._annotate(result.annotations)

    def failed(self, error: PipelineError) -> None:
        """Annotate the files at fault, and put the reason into the job summary."""
        super().failed(error)
        remarks = error.annotations or (Annotation(message=str(error), file=".github/workflows"),)
        if error.summary:
            self._say(error.summary, self._out)
        self._list(error.annotations)
        self._annotate(remarks)
        self._summarise(f"{error.summary}\n\n{markdown.code(str(error))}\n")

    def _annotate(self, remarks: tuple[Annotation, ...]) -> None:
        for command in workflow_commands.remarks(remarks):
            print(command, file=self._out, flush=True)

    def _summarise(self, text: str) -> None:
        path = self._environ.get("GITHUB_STEP_SUMMARY")
        written = Path(path).stat().st_size if path and Path(path).is_file() else 0
        room = _LONGEST_SUMMARY - written
        content = text.encode()
        if len(content) > room:
            text = content[: max(0, room - len(_REST.encode()))].decode(errors="ignore") + _REST
        self._append("GITHUB_STEP_SUMMARY", text)

    def _append(self, variable: str, text: str) -> None:
        if path := self._environ.get(variable):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


class Json(Terminal):
    """Another program: one JSON object on stdout, whatever happens."""

    def succeeded(self, result: StageResult) -> None:
        """Print the result."""
        self._tell({"ok": True, **asdict(result)})

    def failed(self, error: PipelineError) -> None:
        """Print the error; people still read it on stderr."""
        super().failed(error)
        told = {"what": error.what, "where": error.where, "next": error.next_step}
        self._tell({"ok": False, "exit_code": error.exit_code, "error": told})

    def _tell(self, content: Mapping[str, object]) -> None:
        # The escape keeps the value, and is no command in GitHub's log.
        print(json.dumps(content, ensure_ascii=False).replace("##[", "#\\u0023["), file=self._out)


def detect(environ: Mapping[str, str] = os.environ) -> Runner:
    """Recognise the place by the variables it sets."""
    return GitHub(environ) if environ.get("GITHUB_ACTIONS") == "true" else Terminal()


def _output(name: str, value: str) -> str:
    # A random delimiter, as GitHub advises, so that no value can end its own block.
    delimiter = f"end-{uuid.uuid4().hex}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
