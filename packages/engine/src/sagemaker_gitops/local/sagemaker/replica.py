"""One variant's serving process: start, health, requests, restart after a death."""

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from sagemaker_gitops.local.sagemaker import images, transfer
from sagemaker_gitops.local.sagemaker.containers import Container, Containers, LineSink
from sagemaker_gitops.local.sagemaker.images import Image
from sagemaker_gitops.local.server.context import Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOST = "127.0.0.1"
_PING_SECONDS = 2.0
_INVOCATION_SECONDS = 60.0
_STOP_SECONDS = 30.0
# A container that dies at once is not started again at once.
_RESTART_SECONDS = 0.5


class Unhealthy(Exception):
    """The container did not pass the ping health check."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """All that it takes to start a serving container."""

    variant: Document
    image: Image
    image_uri: str
    environment: Mapping[str, str]
    artifact: str | None
    sink: LineSink


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a container answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Replica:
    """A serving process and the connections to it."""

    def __init__(self, launch: Launch, containers: Containers, scratch: Path) -> None:
        self.variant = launch.variant
        self._launch = launch
        self._containers = containers
        self._root = Path(tempfile.mkdtemp(prefix="serve-", dir=scratch))
        self._lock = threading.Lock()
        self._closed = False
        self._spawned = 0.0
        self._container: Container | None = None
        self._pool: urllib3.HTTPConnectionPool | None = None

    @property
    def variant_name(self) -> str:
        """Return the name of the variant served."""
        return str(self.variant["VariantName"])

    @property
    def image_uri(self) -> str:
        """Return the image that the variant runs."""
        return self._launch.image_uri

    @property
    def dead(self) -> bool:
        """Return whether the process has ended although nobody closed it."""
        return not self._closed and self._container is not None and not self._container.running

    def start(self, s3: "S3Client") -> None:
        """Unpack the model and start the process."""
        model = self._root / "model"
        model.mkdir(exist_ok=True)
        if self._launch.artifact:
            transfer.unpack(s3, self._launch.artifact, model)
        self._spawn()

    def restart(self) -> None:
        """Start the process again after a death; requests fail until it answers."""
        with self._lock:
            if self.dead and time.monotonic() - self._spawned > _RESTART_SECONDS:
                self._spawn()

    def await_health(self, seconds: float) -> None:
        """Return when /ping answers 200; raise when the process ends or the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._container is not None and self._container.running:
            if self._healthy():
                return
            time.sleep(0.02)
        raise Unhealthy(
            f"The primary container for production variant {self.variant_name} did not pass the ping health "
            "check. Please check CloudWatch logs for this endpoint."
        )

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST /invocations; raise urllib3.exceptions.HTTPError when nothing answers."""
        pool = self._pool
        if pool is None:
            raise urllib3.exceptions.HTTPError("no process")
        try:
            response = pool.urlopen("POST", "/invocations", body=body, headers=headers, retries=False)
        except urllib3.exceptions.ProtocolError:
            # A kept-alive connection may be closed by the server just when a request goes out on it.
            response = pool.urlopen("POST", "/invocations", body=body, headers=headers, retries=False)
        return Reply(status=response.status, headers=response.headers, body=response.data)

    def close(self) -> None:
        """End the process as SageMaker does: SIGTERM, then SIGKILL after 30 s."""
        self._closed = True
        if self._container is not None:
            self._container.stop(_STOP_SECONDS)
        self._clear()

    def kill(self) -> None:
        """End the process at once and for good."""
        self._closed = True
        self.crash()
        self._clear()

    def crash(self) -> None:
        """Kill the process as an accident would; it will be restarted."""
        if self._container is not None:
            self._container.kill()

    def _spawn(self) -> None:
        self._spawned = time.monotonic()
        port = _free_port()
        environment = {
            **self._launch.environment,
            "SM_ML_ROOT": str(self._root),
            "SERVE_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }
        self._container = self._started(environment)
        timeout = urllib3.Timeout(connect=_PING_SECONDS, read=_INVOCATION_SECONDS)
        self._pool = urllib3.HTTPConnectionPool(HOST, port, maxsize=32, timeout=timeout)

    def _started(self, environment: Mapping[str, str]) -> Container:
        image, sink = self._launch.image, self._launch.sink
        if image.docker is None:
            command = image.command("serve.py", "serve")
            return self._containers.start(command, environment=environment, home=self._root, sink=sink)
        name = images.new_container_name()
        inside = {key: value for key, value in environment.items() if key != "SM_ML_ROOT"}
        command = images.docker_serve(image.docker, name=name, model=self._root / "model", environment=inside)
        return self._containers.start(command, environment=inside, home=self._root, sink=sink, docker=name)

    def _healthy(self) -> bool:
        if self._pool is None:
            return False
        try:
            return self._pool.urlopen("GET", "/ping", retries=False, timeout=_PING_SECONDS).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _clear(self) -> None:
        if self._pool is not None:
            self._pool.close()
        shutil.rmtree(self._root, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
