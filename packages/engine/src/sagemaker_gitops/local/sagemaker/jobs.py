"""What training and processing jobs share: a private /opt/ml tree and a container that runs to its end."""

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_gitops.local.sagemaker.containers import Container, LineSink
from sagemaker_gitops.local.sagemaker.images import Image
from sagemaker_gitops.local.server.service import SharedState

STOP_GRACE_SECONDS = 120
_FAILURE_CHARACTERS = 1024
_PYTHONS = frozenset({"python", "python3"})


@dataclass(frozen=True, kw_only=True)
class Run:
    """What to run, and for how long at most; `docker` names the container where Docker runs it.

    `halt` ends this run alone, while the job may go on.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    ml: Path
    max_seconds: float
    sink: LineSink
    docker: str | None = None
    halt: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a container ended: its exit code, or None when it was stopped."""

    exit_code: int | None
    timed_out: bool = False


class ShutDown(Exception):
    """The local AWS shuts down: the job is failed when it comes back."""


class Runner:
    """Runs the container of one job, and can be told to stop it."""

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared
        self.stop = threading.Event()

    def run(self, run: Run) -> Ended:
        """Run to the end, to the time limit or until stopped."""
        started = time.monotonic()
        container = self._shared.containers.start(
            run.command,
            environment={**run.environment, "SM_ML_ROOT": str(run.ml)},
            home=run.ml,
            sink=run.sink,
            docker=run.docker,
        )
        while (code := container.wait(0.1)) is None:
            timed_out = time.monotonic() - started > run.max_seconds
            if timed_out or self.stop.is_set() or run.halt.is_set():
                return self._end(container, timed_out=timed_out)
        if self._shared.closing.is_set():
            raise ShutDown
        return Ended(exit_code=code)

    def _end(self, container: Container, *, timed_out: bool) -> Ended:
        container.stop(max(1.0, self._shared.clock.real(STOP_GRACE_SECONDS)))
        return Ended(exit_code=None, timed_out=timed_out)


@contextmanager
def ml_tree(scratch: Path, *folders: str) -> Iterator[Path]:
    """Make a private /opt/ml with the given folders, and clear it away."""
    root = Path(tempfile.mkdtemp(prefix="job-", dir=scratch))
    try:
        for folder in folders:
            (root / folder).mkdir(parents=True)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def write_json(path: Path, content: object) -> None:
    """Write a configuration file of the container contract."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def failure(text: str) -> str:
    """Return a FailureReason of the length that AWS allows."""
    return text[:_FAILURE_CHARACTERS]


def local_paths(words: Sequence[str], image: Image, ml: Path) -> list[str]:
    """Return a container's command line with its paths as they are here."""
    here = [word.replace("/opt/ml/code", str(image.code)).replace("/opt/ml/", f"{ml}/") for word in words]
    return [str(image.python), *here[1:]] if words[0] in _PYTHONS else here
