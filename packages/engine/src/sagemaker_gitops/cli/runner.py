"""Where this runs, and how results are told there: a GitHub job, a CodeBuild build or a terminal."""

import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TextIO

from sagemaker_gitops.errors import Annotation, PipelineError
from sagemaker_gitops.stages.result import StageResult

_LINE = 240


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
        print(f"· {message}", file=self._err, flush=True)

    def succeeded(self, result: StageResult) -> None:
        """Print the summary, the annotations and the outputs."""
        print(result.summary, file=self._out)
        for item in result.annotations:
            print(f"{item.level}: {item.file}:{item.line}: {item.message}", file=self._out)
        for name, value in result.outputs.items():
            # What is longer is a document for programs, which ask for --json.
            if len(value) <= _LINE:
                print(f"{name}={value}", file=self._out)

    def failed(self, error: PipelineError) -> None:
        """Print the error and its next step."""
        print(f"error: {error}", file=self._err)


class GitHub(Terminal):
    """A job of GitHub Actions: workflow commands, step outputs and the job summary."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._environ = environ

    def succeeded(self, result: StageResult) -> None:
        """Write outputs and summary to the files that GitHub named."""
        super().succeeded(result)
        self._append("GITHUB_OUTPUT", "".join(_output(*item) for item in result.outputs.items()))
        self._append("GITHUB_STEP_SUMMARY", result.summary + "\n")
        self._annotate(result.annotations)

    def failed(self, error: PipelineError) -> None:
        """Annotate the files at fault, and put the reason into the job summary."""
        super().failed(error)
        remarks = error.annotations or (Annotation(message=str(error), file=".github/workflows"),)
        self._annotate(remarks)
        self._append("GITHUB_STEP_SUMMARY", f"{error.summary}\n\n```\n{error}\n```\n")

    def _annotate(self, remarks: tuple[Annotation, ...]) -> None:
        for item in remarks:
            place = f"file={_escaped(item.file, also=',:')},line={item.line}"
            print(f"::{item.level} {place}::{_escaped(item.message)}", file=self._out, flush=True)

    def _append(self, variable: str, text: str) -> None:
        if path := self._environ.get(variable):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


class Json(Terminal):
    """Another program: one JSON object on stdout, whatever happens."""

    def succeeded(self, result: StageResult) -> None:
        """Print the result."""
        print(json.dumps({"ok": True, **asdict(result)}, ensure_ascii=False), file=self._out)

    def failed(self, error: PipelineError) -> None:
        """Print the error; people still read it on stderr."""
        super().failed(error)
        told = {"what": error.what, "where": error.where, "next": error.next_step}
        print(
            json.dumps({"ok": False, "exit_code": error.exit_code, "error": told}, ensure_ascii=False), file=self._out
        )


def detect(environ: Mapping[str, str] = os.environ) -> Runner:
    """Recognise the place by the variables it sets."""
    return GitHub(environ) if environ.get("GITHUB_ACTIONS") == "true" else Terminal()


def _output(name: str, value: str) -> str:
    # A random delimiter, as GitHub advises, so that no value can end its own block.
    delimiter = f"end-{uuid.uuid4().hex}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _escaped(text: str, also: str = "") -> str:
    codes = {"%": "%25", "\r": "%0D", "\n": "%0A", ",": "%2C", ":": "%3A"}
    return "".join(codes[char] if char in "%\r\n" + also else char for char in text)
