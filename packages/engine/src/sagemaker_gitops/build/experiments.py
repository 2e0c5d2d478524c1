"""MLflow, run from an environment of its own."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sagemaker_gitops.build.locked import Locked, environ
from sagemaker_gitops.errors import PipelineError

MLFLOW = Locked(name="MLflow", lock="mlflow.txt")
_PROGRAM = Path(__file__).with_name("mlflow_program.py")
_TIMEOUT_SECONDS = 300
# MLflow posts usage data, and retries for minutes, unless told not to.
_SETTINGS = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


class NotLogged(Exception):
    """MLflow could not keep a run; the text is its reason."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where runs are kept, the experiment they belong to, and where their files go; None is the server's choice."""

    tracking: str
    experiment: str
    artifacts: str | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What to add to the run of a fingerprint."""

    fingerprint: str
    run_name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Sequence[Path]


@dataclass(frozen=True, kw_only=True)
class Logged:
    """The run that holds an entry now; `created` by this very call or not."""

    experiment_id: str
    run_id: str
    created: bool


@dataclass(frozen=True, kw_only=True)
class Mlflow:
    """MLflow's client on the checkout at `root`, as the caller that `surroundings` name."""

    root: Path
    surroundings: Mapping[str, str]

    def log(self, store: Store, entry: Entry, *, elected: str = "", rejected: str = "") -> Logged:
        """Add to a run; of two with one fingerprint the elected one is kept and the rejected one deleted."""
        request = {**asdict(store), **asdict(entry), "files": [str(path) for path in entry.files]}
        answer = self._run(json.dumps({**request, "elected": elected, "rejected": rejected}))
        try:
            return Logged(**json.loads(answer))
        except (ValueError, TypeError) as err:
            raise NotLogged(f"MLflow answered {answer[:200]!r}") from err

    def _run(self, request: str) -> str:
        try:
            python = MLFLOW.environment(self.root) / "bin" / "python"
            done = subprocess.run(
                [str(python), str(_PROGRAM)],
                cwd=self.root,
                env=self._environment(),
                input=request,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except (PipelineError, OSError, subprocess.TimeoutExpired) as err:
            raise NotLogged(str(err)) from err
        if done.returncode:
            raise NotLogged(_last_line(done.stderr))
        return done.stdout

    def _environment(self) -> dict[str, str]:
        # A MLFLOW_RUN_ID of the shell would be somebody else's run.
        own = {name: value for name, value in environ().items() if not name.startswith("MLFLOW_")}
        return {**own, **self.surroundings, **_SETTINGS}


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it gave no reason"
