"""Containers as Docker runs them: command lines that start one as SageMaker would, and what ends one."""

import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

# SageMaker's own folders below /opt/ml; the image's code lies beside them.
_TRAINING = ("input", "model", "output", "checkpoints")
_PROCESSING = ("config", "output", "processing")


def new_name() -> str:
    """Return a name for a container: what is stopped is named, since its process is Docker's."""
    return f"local-aws-{uuid.uuid4().hex[:12]}"


def serving(image: str, *, name: str, model: Path, environment: Mapping[str, str]) -> list[str]:
    """Start a serving container, hardened as far as SageMaker's contract lets it be."""
    options = ["--read-only", "--tmpfs", "/tmp", "--security-opt", "no-new-privileges"]  # noqa: S108 - the container's
    return [*_run(name, environment), *options, "--volume", f"{model}:/opt/ml/model:ro", image, "serve"]


def training(
    image: str, *, name: str, ml: Path, environment: Mapping[str, str], entrypoint: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Start a training container on a job's /opt/ml tree."""
    mounts = [
        word
        for folder in _TRAINING
        if (ml / folder).is_dir()
        for word in ("--volume", f"{ml / folder}:/opt/ml/{folder}")
    ]
    program = ["--entrypoint", entrypoint[0]] if entrypoint else []
    command = [*entrypoint[1:], *words] if entrypoint else ["train", *words]
    return [*_run(name, environment), *mounts, *program, image, *command]


def processing(
    image: str, *, name: str, ml: Path, environment: Mapping[str, str], entrypoint: Sequence[str], words: Sequence[str]
) -> list[str]:
    """Start a processing container on a job's /opt/ml tree."""
    mounts = [word for folder in _PROCESSING for word in ("--volume", f"{ml / folder}:/opt/ml/{folder}")]
    program = ["--entrypoint", entrypoint[0]]
    return [*_run(name, environment), *mounts, *program, image, *entrypoint[1:], *words]


def kill(name: str) -> None:
    """End a container at once; no error when it is gone."""
    subprocess.run(["docker", "kill", name], capture_output=True, check=False)  # noqa: S607


def _run(name: str, environment: Mapping[str, str]) -> list[str]:
    # Values stay out of the command line; the client reads them from its own environment.
    named = [word for variable in environment for word in ("--env", variable)]
    # The embedded AWS listens on loopback only, so the container shares the machine's network.
    return ["docker", "run", "--rm", "--name", name, "--network", "host", *named]
