"""Run a workflow with act, in host mode, from a clean clone and with an environment of its own.

Actions of others are replaced by the stand-ins in `actions/`. A real one runs in its place when
ACT_REAL_ACTIONS names a folder that holds it as owner/repository; README.md here tells how and what it showed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.act.lowering import lower
from tests.documents import uses

STAND_INS = Path(__file__).parent / "actions"
REAL = Path(os.environ.get("ACT_REAL_ACTIONS", os.devnull))
ACT = Path(sys.executable).parent / "act"
NOTHING = os.devnull
CHECKOUT = "actions/checkout"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a workflow did."""

    code: int
    events: list[dict[str, Any]]

    @property
    def jobs(self) -> dict[str, str]:
        """The result of every job that ran, by its name as GitHub shows it."""
        return {event["job"].strip(): event["jobResult"] for event in self.events if "jobResult" in event}

    @property
    def stages(self) -> dict[str, str]:
        """The result of every job of a caller; act numbers those of a matrix, and names what calls the caller first."""
        return {_stage(name): result for name, result in self.jobs.items()}

    def did(self, step: str) -> bool:
        """Tell whether a step succeeded; one that its `if` left out was prepared at most."""
        done = {"step": step, "stage": "Main", "stepResult": "success"}
        return any(done.items() <= {name: event.get(name) for name in done}.items() for event in self.events)

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Every error annotation: its text, and where it points."""
        return [event for event in self.events if event.get("command") == "error"]

    @property
    def summary(self) -> str:
        """The job summaries."""
        return "".join(event["content"] for event in self.events if event.get("command") == "summary")

    @property
    def log(self) -> str:
        """All that the steps printed."""
        return "".join(event["msg"] for event in self.events if event.get("raw_output"))

    @property
    def story(self) -> str:
        """The results, the annotations and the end of the log: what a failed test needs to show."""
        return f"{self.jobs}\n{[error['arg'] for error in self.errors]}\n{self.log[-4000:]}"


@dataclass(frozen=True, kw_only=True)
class Host:
    """Where workflows run: the project they come from and what their jobs see."""

    project: Path
    repository: str
    scratch: Path
    issuer: str
    github: str
    environments: Mapping[str, Mapping[str, str]]
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any] | None = None,
        *,
        job: str = "",
        seconds: int = 300,
    ) -> Run:
        """Run one workflow, or one of its jobs and what that needs, on the project's last commit."""
        clone = self._clone()
        self._furnish()
        (self.scratch / "event.json").write_text(json.dumps(payload or {}), encoding="utf-8")
        done = subprocess.run(
            [ACT, event, *self._arguments(clone, workflow), *(["--job", job] if job else [])],
            cwd=clone,
            env={"HOME": str(self.scratch / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        return Run(code=done.returncode, events=_events(done.stdout + done.stderr))

    def _furnish(self) -> None:
        """Make a HOME whose git finds GitHub's copy of the repository on this machine."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        alias = f'[url "file://{self.project}"]\n\tinsteadOf = https://github.com/{self.repository}\n'
        (home / ".gitconfig").write_text(f"{alias}[safe]\n\tdirectory = *\n", encoding="utf-8")

    def _clone(self) -> Path:
        clone = self.scratch / "clone"
        subprocess.run(["rm", "-rf", clone, self.scratch / "artifacts"], check=True)
        subprocess.run(["git", "clone", "--quiet", self.project, clone], check=True)
        origin = f"https://github.com/{self.repository}.git"
        subprocess.run(["git", "remote", "set-url", "origin", origin], cwd=clone, check=True)
        lower(clone, issuer=self.issuer, github=self.github)
        return clone

    def _arguments(self, clone: Path, workflow: str) -> list[str]:
        arguments = ["--workflows", f".github/workflows/{workflow}", "--eventpath", str(self.scratch / "event.json")]
        arguments += ["--json", "--platform", "ubuntu-24.04=-self-hosted", "--concurrent-jobs", "2"]
        arguments += ["--no-cache-server", "--action-cache-path", str(self.scratch / "cache")]
        for name in ("env", "var", "secret", "input"):
            arguments += [f"--{name}-file", NOTHING]
        if (REAL / CHECKOUT).is_dir():
            arguments += ["--no-skip-checkout"]
        for action, ref in sorted(set(uses(clone))):
            arguments += ["--local-repository", f"{action}@{ref}={_folder(action)}"]
        arguments += ["--secret", "GITHUB_TOKEN=valid", "--var", f"ENVIRONMENTS={json.dumps(self.environments)}"]
        seen = {
            **self.variables,
            "ACT_ARTIFACTS": str(self.scratch / "artifacts"),
            "ACT_VENV": str((self.project / ".venv").resolve()),
            "PAGER": "cat",
            "GIT_PAGER": "cat",
        }
        for name, value in seen.items():
            arguments += ["--env", f"{name}={value}"]
        return arguments


def _stage(name: str) -> str:
    # act names every caller above a job; the last of them is the stage, such as Candidate/Promote/Dev/Deploy.
    *callers, job = name.split("/")
    return (callers[-1] if callers else job).rstrip("-0123456789")


def _folder(action: str) -> Path:
    return REAL / action if (REAL / action).is_dir() else STAND_INS / action


def _events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
