"""The demo's steps: each is a command line that a workflow runs too, timed and kept."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.table import Table

from sagemaker_gitops.errors import DemoFailed
from sagemaker_gitops.local.demo.cast import Cast
from sagemaker_gitops.local.demo.traffic import ONCE, ask

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


# What happens between a release and its rollback, but is part of neither.
_BESIDE = frozenset({"monitor prod", "clean staging", "rollback staging"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the loop, and what came of it."""

    name: str
    command: str
    seconds: float
    exit_code: int
    outcome: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Story:
    """Runs steps in a checkout and remembers them; `cast` knows who gives each command, if not everybody may all."""

    checkout: Path
    environ: Mapping[str, str]
    console: Console
    cast: Cast | None = None
    steps: list[Step] = field(default_factory=list)

    def tell(
        self,
        name: str,
        *words: str,
        expect: tuple[int, ...] = (0,),
        overrides: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> Step:
        """Run `pipeline <words>`, by the keys of whose work it is, unless others are given.

        The demo stops unless it exits as expected.
        """
        began = time.monotonic()
        who = keys if keys is not None else self.cast.by(words) if self.cast else {}
        with self.console.status(f"{name}: pipeline {' '.join(words)}"):
            done = subprocess.run(
                [sys.executable, "-m", "sagemaker_gitops", "--json", *words],
                cwd=self.checkout,
                env={**os.environ, **self.environ, **who, **(overrides or {})},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode not in expect:
            raise DemoFailed(
                f"{name} ended with exit code {done.returncode}:\n{done.stderr[-3000:] or done.stdout[-3000:]}",
                where=f"pipeline {' '.join(words)}",
                next_step="read .local/server.log, mend the cause, run `make demo` again",
            )
        return self._keep(name, words, time.monotonic() - began, done)

    def _keep(
        self, name: str, words: tuple[str, ...], seconds: float, done: "subprocess.CompletedProcess[str]"
    ) -> Step:
        told = _told(done)
        step = Step(
            name=name,
            command=f"pipeline {shlex.join(words)}",
            seconds=seconds,
            exit_code=done.returncode,
            outcome=_plain(told["summary"]) if told["ok"] else told["error"]["what"].replace("\n    ", " "),
            outputs=told.get("outputs", {}),
        )
        self.steps.append(step)
        mark = "[green]✓[/]" if step.exit_code == 0 else "[yellow]■[/]"
        self.console.print(
            f"{mark} [bold]{name:<17}[/] {seconds:5.1f} s  {step.outcome}", highlight=False, soft_wrap=True
        )
        return step

    def session(self, env: str = "") -> boto3.Session:
        """Open the embedded AWS, for what is no stage: a client's question, a file for the report."""
        who = {**self.environ, **(self.cast.caller(env) if self.cast and env else {})}
        return boto3.Session(
            aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
            region_name=who["AWS_DEFAULT_REGION"],
        )

    def client(self, env: str) -> "SageMakerRuntimeClient":
        """Open a client's way to an environment's endpoint, without a second try."""
        url = self.environ["AWS_ENDPOINT_URL"]
        return self.session(env).client("sagemaker-runtime", endpoint_url=url, config=ONCE)

    @cached_property
    def project(self) -> str:
        """The project's name, which every endpoint's begins with."""
        return str(json.loads((self.checkout / "infra/config/project.json").read_text())["project"])

    def ask(self, env: str, row: dict[str, object]) -> None:
        """Send one row to an environment's endpoint over HTTP, and show the answer."""
        endpoint = f"{self.project}-{env}"
        answer = ask(self.client(env), endpoint, row)
        if answer.lost:
            raise DemoFailed(f"{endpoint} does not answer: {answer.error}", where=endpoint)
        told = f"version {answer.version} says {answer.said} in {1000 * answer.seconds:.0f} ms"
        self.console.print(f"    [dim]{endpoint}: {told}[/]", highlight=False)

    def fetch(self, uri: str) -> bytes:
        """Read an object of the embedded S3; nothing where there is none."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        client = self.session().client("s3", endpoint_url=self.environ["AWS_ENDPOINT_URL"])
        try:
            return client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return b""

    @property
    def loop_seconds(self) -> float:
        """How long one release took, from its training over prod to its rollback."""
        names = [step.name for step in self.steps]
        loop = self.steps[names.index("train 2nd") : names.index("rollback prod") + 1]
        return sum(step.seconds for step in loop if step.name not in _BESIDE)

    def table(self) -> Table:
        """Lay out all steps with their times."""
        table = Table(title="What happened", title_justify="left", box=None, pad_edge=False, expand=True)
        table.add_column("stage", style="bold", min_width=17)
        table.add_column("seconds", justify="right", min_width=7)
        table.add_column("outcome", no_wrap=True, overflow="ellipsis", ratio=1)
        for step in self.steps:
            table.add_row(step.name, f"{step.seconds:.1f}", step.outcome)
        table.add_row("one loop", f"{self.loop_seconds:.1f}", "the 2nd release, from train over prod to its rollback")
        return table


def _told(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Read the JSON object of a stage; `local` commands speak plain lines."""
    last = done.stdout.splitlines()[-1]
    told: dict[str, Any] = json.loads(last) if last.startswith("{") else {"ok": True, "summary": done.stdout}
    return told


def _plain(markdown: str) -> str:
    """Take a summary's first sentence out of its Markdown."""
    lines = [line for line in markdown.splitlines() if line and not line.startswith(("#", "|", "-"))]
    return lines[0].replace("**", "").replace("`", "") if lines else ""
