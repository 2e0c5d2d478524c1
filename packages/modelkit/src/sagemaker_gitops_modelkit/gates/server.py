"""The serving container's process on this machine, started and stopped as SageMaker does it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from sagemaker_gitops_modelkit.gates.project import ROOT

SERVE = ROOT / "model/inference/serve.py"
HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 40.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of the server; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Caller:
    """One connection to a server, kept open between requests."""

    def __init__(self, port: int, *, timeout: float = 30.0) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=timeout)

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send one request and read its answer."""
        self._connection.request(method, path, body=body or None, headers=dict(headers or {}))
        answer = self._connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status=answer.status, headers=names, body=answer.read())

    def invoke(self, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
        """Post to /invocations; a header's name is written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/invocations", body, {"Content-Type": content_type, **named})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class Server:
    """One serve.py process and what it wrote."""

    def __init__(self, model_dir: Path, scratch: Path, environment: Mapping[str, str]) -> None:
        self.port = _free_port()
        (scratch / "model").symlink_to(model_dir)
        self._output = scratch / "stdout"
        settings = {"SM_ML_ROOT": str(scratch), "SERVE_HOST": HOST, "SAGEMAKER_BIND_TO_PORT": str(self.port)}
        with self._output.open("wb") as output, (scratch / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(SERVE), "serve"],
                env={**os.environ, **settings, **environment},
                stdout=output,
                stderr=errors,
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines written so far."""
        return [json.loads(line) for line in self._output.read_text(encoding="utf-8").splitlines()]

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://{HOST}:{self.port}"

    def caller(self, *, timeout: float = 30.0) -> Caller:
        """Return a new connection."""
        return Caller(self.port, timeout=timeout)

    def wait_until_ready(self) -> None:
        """Wait for the first 200 of /ping."""
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                with self.caller(timeout=2.0) as caller:
                    if caller.ask("GET", "/ping").status == 200:
                        return
            except OSError:
                time.sleep(0.01)
        raise AssertionError(f"the server never became ready: {self._output.read_text(encoding='utf-8')}")

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running(model_dir: Path, scratch: Path, **environment: str) -> Iterator[Server]:
    """Serve a model folder for the length of a `with` block."""
    scratch.mkdir(parents=True, exist_ok=True)
    server = Server(model_dir, scratch, environment)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
            try:
                server.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.process.kill()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
