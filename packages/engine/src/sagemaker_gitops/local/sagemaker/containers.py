"""Containers as child processes, perhaps of Docker: a scrubbed environment, a process group, output line by line."""

import json
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sagemaker_gitops.local.sagemaker import images

LineSink = Callable[[str], None]
_INHERITED = ("PATH", "LANG", "SSL_CERT_FILE", "TZ")


def scrubbed(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return a container's environment: nothing of the caller's but where programs lie."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1", **environment}


class Container:
    """One running container."""

    def __init__(self, process: subprocess.Popen[str], sink: LineSink, note: Path, *, docker: str | None) -> None:
        self._process = process
        self._note = note
        self._docker = docker
        self._pump = threading.Thread(target=self._pump_lines, args=(sink,), daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Return the process id, which is its group's too."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether the container still runs."""
        return self._process.poll() is None

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end; return the exit code, or None when it still runs after `seconds`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._finish()
        return code

    def stop(self, grace_seconds: float) -> None:
        """End the container: SIGTERM, then SIGKILL to the whole group."""
        kill_group(self.pid, signal.SIGTERM)
        if self.wait(grace_seconds) is None:
            self.kill()

    def kill(self) -> None:
        """End the container and its children at once."""
        if self._docker:
            images.docker_kill(self._docker)
        kill_group(self.pid, signal.SIGKILL)
        self._process.wait()
        self._finish()

    def _finish(self) -> None:
        kill_group(self.pid, signal.SIGKILL)
        self._pump.join(5)
        self._note.unlink(missing_ok=True)

    def _pump_lines(self, sink: LineSink) -> None:
        for line in self._process.stdout or ():
            sink(line.rstrip("\n"))


class Containers:
    """Starts containers, and knows them all."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._lock = threading.Lock()
        self._running: list[Container] = []

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        home: Path,
        sink: LineSink,
        docker: str | None = None,
    ) -> Container:
        """Start a command in its own process group; `docker` names the container that it is the client of."""
        process = subprocess.Popen(
            command,
            env={**(_engine() if docker else {}), **scrubbed(environment, home)},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        note = self._notes / f"{process.pid}-{uuid.uuid4().hex[:8]}.json"
        note.write_text(json.dumps({"pid": process.pid, "started": _started(process.pid), "docker": docker}))
        container = Container(process, sink, note, docker=docker)
        with self._lock:
            self._running = [c for c in self._running if c.running] + [container]
        return container

    def kill_all(self) -> None:
        """End every container at once."""
        with self._lock:
            running, self._running = self._running, []
        for container in running:
            container.kill()


def _engine() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a process group that may be gone."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def kill_leftovers(notes: Path) -> int:
    """End what a killed server left running; return how many."""
    killed = 0
    for note in notes.glob("*.json"):
        left = json.loads(note.read_text())
        if left.get("docker"):
            images.docker_kill(left["docker"])
        if _started(left["pid"]) == left["started"] is not None:
            kill_group(left["pid"], signal.SIGKILL)
            killed += 1
        note.unlink(missing_ok=True)
    return killed


def _started(pid: int) -> str | None:
    """Return what tells a process from a later one with the same id (Linux; elsewhere its name)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        shown = subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.strip() or None
    return stat.rsplit(")", 1)[1].split()[19]
