"""The demo's scenario: steps that are command lines a workflow runs too, each timed, with its account's credentials."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.table import Table

from sagemaker_gitops.errors import DemoFailed
from sagemaker_gitops.local.demo.traffic import NO_RETRIES, send_row
from sagemaker_gitops.local.server import credentials
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Running

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

# Steps between a release and its rollback that belong to neither.
_OTHER_STEPS = frozenset({"monitor prod", "clean staging", "rollback staging"})
# These commands work in the registry's account, whatever environment they are given.
_REGISTRY_COMMANDS = frozenset({"train", "test", "register"})


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The account of each environment, and the credentials for it; the registry's own account needs none."""

    project: str
    accounts: Mapping[str, str]
    running: Running
    state: Folder

    @property
    def several(self) -> bool:
        """Tell whether any environment lies in another account than the registry."""
        return any(account != self.running.account for account in self.accounts.values())

    def of_command(self, words: Sequence[str]) -> Mapping[str, str]:
        """Return a command's credentials: an administrator's for the stacks, else those of a workflow's role."""
        env = words[words.index("--env") + 1] if "--env" in words else ""
        if words[0] in _REGISTRY_COMMANDS or not env or self.accounts[env] == self.running.account:
            return {}
        if words[0] == "bootstrap":
            return self.of_client(env)
        role = f"{self.project}-{'monitor' if words[0] == 'monitor' else 'deploy'}-{env}"
        return credentials.of_role(self.running.endpoint_url, f"arn:aws:iam::{self.accounts[env]}:role/{role}")

    def of_client(self, env: str) -> Mapping[str, str]:
        """Return the credentials of a client in an environment's account, who invokes its endpoint."""
        account = self.accounts[env]
        return credentials.of_account(self.running, self.state, account) if account != self.running.account else {}


def read_accounts(root: Path, running: Running, state: Folder) -> Accounts:
    """Read the environments' accounts from project.json."""
    config = json.loads((root / "infra/config/project.json").read_text())
    return Accounts(project=config["project"], accounts=config["accounts"], running=running, state=state)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the scenario, and its result."""

    name: str
    command: str
    seconds: float
    exit_code: int
    outcome: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Runs steps in a checkout and keeps their results; `accounts` has credentials where one account is not enough."""

    checkout: Path
    environ: Mapping[str, str]
    console: Console
    accounts: Accounts | None = None
    steps: list[Step] = field(default_factory=list)

    def run_step(
        self,
        name: str,
        *words: str,
        expect: tuple[int, ...] = (0,),
        overrides: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> Step:
        """Run `pipeline <words>` with its account's credentials, or with `keys`; stop the demo on another exit code."""
        began = time.monotonic()
        given = keys if keys is not None else self.accounts.of_command(words) if self.accounts else {}
        with self.console.status(f"{name}: pipeline {' '.join(words)}"):
            done = subprocess.run(
                [sys.executable, "-m", "sagemaker_gitops", "--json", *words],
                cwd=self.checkout,
                env={**os.environ, **self.environ, **given, **(overrides or {})},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode not in expect:
            raise DemoFailed(
                f"{name} ended with exit code {done.returncode}:\n{done.stderr[-3000:] or done.stdout[-3000:]}",
                where=f"pipeline {' '.join(words)}",
                next_step="read .local/server.log, fix the cause, run `make demo` again",
            )
        return self._keep(name, words, time.monotonic() - began, done)

    def _keep(
        self, name: str, words: tuple[str, ...], seconds: float, done: "subprocess.CompletedProcess[str]"
    ) -> Step:
        result = _result(done)
        step = Step(
            name=name,
            command=f"pipeline {shlex.join(words)}",
            seconds=seconds,
            exit_code=done.returncode,
            outcome=_plain(result["summary"]) if result["ok"] else result["error"]["what"].replace("\n    ", " "),
            outputs=result.get("outputs", {}),
        )
        self.steps.append(step)
        sign = "[green]✓[/]" if step.exit_code == 0 else "[yellow]■[/]"
        self.console.print(
            f"{sign} [bold]{name:<17}[/] {seconds:5.1f} s  {step.outcome}", highlight=False, soft_wrap=True
        )
        return step

    def session(self, env: str = "") -> boto3.Session:
        """Open a session with the embedded AWS, for what is no stage: a client's request, a file for the report."""
        keys = {**self.environ, **(self.accounts.of_client(env) if self.accounts and env else {})}
        return boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_DEFAULT_REGION"],
        )

    def client(self, env: str) -> "SageMakerRuntimeClient":
        """Return a client for an environment's endpoint that sends each request once."""
        url = self.environ["AWS_ENDPOINT_URL"]
        return self.session(env).client("sagemaker-runtime", endpoint_url=url, config=NO_RETRIES)

    @cached_property
    def project(self) -> str:
        """The project's name, with which every endpoint's name begins."""
        return str(json.loads((self.checkout / "infra/config/project.json").read_text())["project"])

    def invoke(self, env: str, row: dict[str, object]) -> None:
        """Send one row to an environment's endpoint over HTTP, and show the answer."""
        endpoint = f"{self.project}-{env}"
        answer = send_row(self.client(env), endpoint, row)
        if answer.lost:
            raise DemoFailed(f"{endpoint} does not answer: {answer.error}", where=endpoint)
        shown = f"version {answer.version} predicts {answer.prediction} in {1000 * answer.seconds:.0f} ms"
        self.console.print(f"    [dim]{endpoint}: {shown}[/]", highlight=False)

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
        return sum(step.seconds for step in loop if step.name not in _OTHER_STEPS)

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


def _result(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Read a stage's JSON object; `local` commands print plain lines."""
    last = done.stdout.splitlines()[-1]
    result: dict[str, Any] = json.loads(last) if last.startswith("{") else {"ok": True, "summary": done.stdout}
    return result


def _plain(markdown: str) -> str:
    """Take a summary's first sentence out of its Markdown."""
    lines = [line for line in markdown.splitlines() if line and not line.startswith(("#", "|", "-"))]
    return lines[0].replace("**", "").replace("`", "") if lines else ""
