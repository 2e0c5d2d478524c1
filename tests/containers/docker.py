"""The docker command line, as far as the tests need it."""

import http.client
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Done = subprocess.CompletedProcess[str]


def mounts(tree: Path) -> list[str]:
    """Mount what SageMaker mounts for a training job."""
    return [word for name in ("input", "model", "output") for word in ("--volume", f"{tree / name}:/opt/ml/{name}")]


@dataclass(frozen=True, kw_only=True)
class Docker:
    """One engine."""

    environment: dict[str, str]
    build_arguments: tuple[str, ...]

    def __call__(self, *words: str, seconds: float = 120) -> Done:
        """Run one docker command."""
        return subprocess.run(
            ["docker", *words], env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def answers(self) -> bool:
        """Tell whether the engine is there."""
        try:
            return self("info", seconds=10).returncode == 0
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return False

    def build(self, context: Path, *, dockerfile: Path, name: str, options: tuple[str, ...] = ()) -> None:
        """Build an image with a commit and a fingerprint on its label."""
        labels = ("--build-arg", "COMMIT=0123abc", "--build-arg", "FINGERPRINT=feed")
        words = (
            "build",
            "--file",
            str(dockerfile),
            "--tag",
            name,
            *labels,
            *self.build_arguments,
            *options,
            str(context),
        )
        done = self(*words, seconds=600)
        assert done.returncode == 0, done.stderr[-3000:]

    def train(self, image: str, tree: Path, *options: str) -> Done:
        """Run a training job on an /opt/ml tree, whose folders are mounted beside the image's own code."""
        return self.run(image, "train", *mounts(tree), *options)

    def run(self, image: str, command: str, *options: str) -> Done:
        """Run a container to its end."""
        return self("run", "--rm", *options, image, command, seconds=180)

    @contextmanager
    def serving(self, image: str, model: Path, *options: str) -> Iterator["Container"]:
        """Serve a model folder, read-only like the rest of the container."""
        hardened = ("--read-only", "--security-opt", "no-new-privileges", "--publish", "127.0.0.1::8080")
        words = ("run", "--detach", *hardened, *options, "--volume", f"{model}:/opt/ml/model:ro", image, "serve")
        started = self(*words)
        assert started.returncode == 0, started.stderr
        container = Container(docker=self, name=started.stdout.strip())
        try:
            yield container
        finally:
            self("rm", "--force", container.name)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container that serves."""

    docker: Docker
    name: str

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to the server."""
        address = self.docker("port", self.name, "8080/tcp").stdout.splitlines()[0]
        return http.client.HTTPConnection(address, timeout=30)

    def wait_until_ready(self) -> None:
        """Wait for the first 200 of /ping."""
        for _ in range(300):
            try:
                connection = self.connect()
                connection.request("GET", "/ping")
                if connection.getresponse().status == 200:
                    return
            except (OSError, IndexError, http.client.HTTPException):
                time.sleep(0.1)
        raise AssertionError(self.docker("logs", self.name).stdout)

    def inspect(self, template: str) -> str:
        """Return one fact of the container's state."""
        return self.docker("inspect", "--format", template, self.name).stdout.strip()
