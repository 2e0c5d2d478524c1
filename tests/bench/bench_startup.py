"""What every command costs before it works, against `python -c "import boto3"`.

    python -m tests.bench.bench_startup --rounds 5

Each subject is a process of its own; in each round boto3's comes first, and ratios are taken within a round. Counted
are the seconds of processor time, which a busy machine does not lengthen: from the process's start to its end for
help and completion, and for a command to its first request to AWS or GitHub, or to its end if it makes none. Commands
that work on the checkout alone start in an empty folder, so that none does its work. A command's own share is what it
takes beside boto3, if it imports that. It exits 1 if a median ratio passes its limit.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import typer.main
from sagemaker_gitops.cli.app import app
from tests.sample import ROOT, refresh

HELP_LIMIT, OWN_LIMIT = 0.625, 1.25  # 0.25 s and 0.5 s where boto3 takes 0.4 s
# What options and arguments need; a new command with another required one is told about here.
VALUES = {
    "env": "dev",
    "version": "1",
    "reason": "why",
    "base": "HEAD",
    "inference_id": "an-id",
    "as_of": "2026-01-01T00:00:00Z",
    "output": "out.csv",
    "ids": "1",
}
WITHOUT_PROJECT = frozenset(
    {"lint", "schema", "upgrade", "plan", "rehearse", "local", "data commit", "data push", "data pull", "data diff"}
)
EXTRA = {"local": ["status"], "bootstrap aws": ["--yes"], "bootstrap github": ["--yes"]}


class Refusing(BaseHTTPRequestHandler):
    """AWS and GitHub in one: says that a request came, and answers when it is told to."""

    came = threading.Event()
    go_on = threading.Event()

    def do_GET(self) -> None:
        """Hold the request, then refuse it."""
        Refusing.came.set()
        Refusing.go_on.wait()
        with contextlib.suppress(BrokenPipeError):
            self.send_error(403)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Subject:
    """One command line, and the ratios to boto3 of each round."""

    words: list[str]
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    refresh()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        helps, starts = _helps(), _starts(Path(folder), f"http://127.0.0.1:{server.server_port}")
        for _ in range(options.rounds):
            _round(helps, starts)
    server.shutdown()
    return _report("--help and completion", helps, HELP_LIMIT) | _report("own start-up", starts, OWN_LIMIT)


def _helps() -> list[Subject]:
    lines = [[*words, "--help"] for words, _ in _commands((), typer.main.get_command(app))]
    tab = {"_PIPELINE_COMPLETE": "complete_bash", "COMP_WORDS": "pipeline deploy --env st", "COMP_CWORD": "3"}
    return [Subject(words, ROOT) for words in lines] + [Subject([], ROOT, tab)]


def _starts(empty: Path, url: str) -> list[Subject]:
    environ = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    environ |= {
        "GITHUB_API_URL": url,
        "GITHUB_TOKEN": "t",
        "GITHUB_RUN_ID": "1",
        "PIPELINE__SERVING__FEATURES": "store",
    }
    found = []
    for words, command in _commands((), typer.main.get_command(app)):
        if hasattr(command, "commands"):
            continue
        name, line = " ".join(words), [*words, *EXTRA.get(" ".join(words), [])]
        for parameter in command.params:
            if parameter.required:
                value = VALUES[parameter.name]
                line += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
        found.append(Subject(line, empty if name in WITHOUT_PROJECT else ROOT, environ))
    return found


def _commands(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands((*words, name), child)


def _round(helps: list[Subject], starts: list[Subject]) -> None:
    boto3 = _processor_seconds([sys.executable, "-c", "import boto3"], ROOT, {})
    for subject in helps:
        seconds = _pipeline(subject)
        subject.seconds.append(seconds)
        subject.ratios.append(seconds / boto3)
    for subject in starts:
        seconds = _pipeline(subject)
        subject.seconds.append(seconds)
        asked = Refusing.came.is_set()
        subject.ratios.append((seconds - (boto3 if asked else 0)) / boto3)


def _pipeline(subject: Subject) -> float:
    return _processor_seconds(
        [sys.executable, "-m", "sagemaker_gitops", *subject.words], subject.folder, subject.environ
    )


def _processor_seconds(command: list[str], folder: Path, environ: dict[str, str]) -> float:
    Refusing.came.clear()
    Refusing.go_on.clear()
    env = {**os.environ, **environ}
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        process = psutil.Process(child.pid)
        while not Refusing.came.is_set() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.005)
        times = process.cpu_times()
        child.kill()
        Refusing.go_on.set()
    return times.user + times.system


def _report(title: str, subjects: list[Subject], limit: float) -> int:
    sys.stdout.write(f"{title}, at most {limit:g} x boto3\n")
    for item in sorted(subjects, key=lambda item: -median(item.ratios)):
        line = " ".join(item.words) or "(completion)"
        sys.stdout.write(f"  {median(item.ratios):5.2f} x  {median(item.seconds):6.3f} s  {line}\n")
    return int(any(median(item.ratios) > limit for item in subjects))


if __name__ == "__main__":
    sys.exit(main())
