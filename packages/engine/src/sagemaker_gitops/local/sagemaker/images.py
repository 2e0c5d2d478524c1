"""Container images as folders or as Docker's, and the command lines that run them."""

import json
import re
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.local.server.context import invalid

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?:.*-)?(?P<kind>[a-z]+)(?::(?P<tag>[\w.-]+))?"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is there: its Python and its code."""

    folder: Path

    @property
    def python(self) -> Path:
        """Return the image's interpreter."""
        return self.folder / "venv" / "bin" / "python"

    @property
    def code(self) -> Path:
        """Return what is /opt/ml/code in a container."""
        return self.folder / "code"

    @property
    def environment(self) -> dict[str, str]:
        """Return the ENV of the image's Dockerfile."""
        return dict(json.loads(environment_file(self.folder).read_text()))

    @property
    def docker(self) -> str | None:
        """Return the name that Docker knows the image by, if Docker built it."""
        note = docker_file(self.folder)
        return note.read_text() if note.is_file() else None

    def command(self, program: str, argument: str) -> list[str]:
        """Return the command line of one of the image's programs."""
        return [str(self.python), str(self.code / program), argument]


def environment_file(folder: Path) -> Path:
    """Return where an image folder keeps its environment."""
    return folder / "environment.json"


def docker_file(folder: Path) -> Path:
    """Return where an image folder keeps the name of the image that Docker built."""
    return folder / "docker.txt"


class Images:
    """The images in one folder, found by URI."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, uri: str) -> Image:
        """Return the image of a URI; refuse as AWS does when it was never pushed."""
        parts = _URI.fullmatch(uri)
        folder = self._folder / f"{parts['kind']}-{parts['tag'] or 'latest'}" if parts else None
        if folder is None or not environment_file(folder).is_file():
            raise invalid(f"Requested image {uri} not found.")
        return Image(folder=folder)


# SageMaker's own folders below /opt/ml; the image's code lies beside them.
_TRAINING_FOLDERS = ("input", "model", "output", "checkpoints")
_PROCESSING_FOLDERS = ("config", "output", "processing")


def new_container_name() -> str:
    """Return a name for a container: what is stopped is named, since its process is Docker's."""
    return f"local-aws-{uuid.uuid4().hex[:12]}"


def docker_serve(image: str, *, name: str, model: Path, environment: Mapping[str, str]) -> list[str]:
    """Start a serving container, hardened as far as SageMaker's contract lets it be."""
    options = ["--read-only", "--tmpfs", "/tmp", "--security-opt", "no-new-privileges"]  # noqa: S108 - the container's
    return [*_run(name, environment), *options, "--volume", f"{model}:/opt/ml/model:ro", image, "serve"]


def docker_train(
    image: str, *, name: str, ml: Path, environment: Mapping[str, str], entrypoint: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Start a training container on a job's /opt/ml tree."""
    mounts = [
        word
        for folder in _TRAINING_FOLDERS
        if (ml / folder).is_dir()
        for word in ("--volume", f"{ml / folder}:/opt/ml/{folder}")
    ]
    program = ["--entrypoint", entrypoint[0]] if entrypoint else []
    command = [*entrypoint[1:], *words] if entrypoint else ["train", *words]
    return [*_run(name, environment), *mounts, *program, image, *command]


def docker_process(
    image: str, *, name: str, ml: Path, environment: Mapping[str, str], entrypoint: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Start a processing container on a job's /opt/ml tree."""
    mounts = [word for folder in _PROCESSING_FOLDERS for word in ("--volume", f"{ml / folder}:/opt/ml/{folder}")]
    program = ["--entrypoint", entrypoint[0]]
    return [*_run(name, environment), *mounts, *program, image, *entrypoint[1:], *words]


def docker_kill(name: str) -> None:
    """End a container at once; no error when it is gone."""
    subprocess.run(["docker", "kill", name], capture_output=True, check=False)  # noqa: S607


def _run(name: str, environment: Mapping[str, str]) -> list[str]:
    # Values stay out of the command line; the client reads them from its own environment.
    named = [word for variable in environment for word in ("--env", variable)]
    # The embedded AWS listens on loopback only, so the container shares the machine's network.
    return ["docker", "run", "--rm", "--name", name, "--network", "host", *named]
