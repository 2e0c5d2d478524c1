"""The docker command line: sign in, build an image and push it."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sagemaker_gitops.errors import ImageFailed

# SageMaker takes neither an image index nor attestations beside the image.
FOR_SAGEMAKER = ("--platform", "linux/amd64", "--provenance=false")
# Nor a manifest in the OCI format, which newer builders write unless they are told otherwise.
_DOCKER_FORMAT = ("--output", "type=docker,oci-mediatypes=false")


def for_sagemaker() -> tuple[str, ...]:
    """Return the options of an image that SageMaker takes; a Docker without buildx writes its own format anyway."""
    try:
        done = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError:
        return FOR_SAGEMAKER
    return FOR_SAGEMAKER if done.returncode else (*FOR_SAGEMAKER, *_DOCKER_FORMAT)


def with_layers_of(name: str | None) -> tuple[str, ...]:
    """Return the options that take unchanged layers from a pushed image, and let the next build take this one's.

    BuildKit keeps its records in the image itself ("inline"), because the tags of the registry are immutable: a tag
    of its own for the cache could be written only once.
    """
    record = ("--build-arg", "BUILDKIT_INLINE_CACHE=1")
    return (*record, "--cache-from", name) if name else record


def build(
    context: Path, *, dockerfile: Path, name: str, labels: Mapping[str, str], options: Sequence[str] = FOR_SAGEMAKER
) -> None:
    """Build an image from a Dockerfile."""
    arguments = [word for key, value in labels.items() for word in ("--build-arg", f"{key}={value}")]
    _docker(["build", *options, "--file", str(dockerfile), "--tag", name, *arguments, str(context)])


def login(name: str, *, user: str, password: str) -> None:
    """Sign in to the registry of an image."""
    registry = name.partition("/")[0]
    _docker(["login", "--username", user, "--password-stdin", registry], given=password)


def push(name: str) -> None:
    """Push an image to its registry."""
    _docker(["push", "--quiet", name])


def _docker(words: Sequence[str], *, given: str | None = None) -> None:
    try:
        done = subprocess.run(["docker", *words], input=given, capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError as err:
        raise ImageFailed(
            "docker is not installed",
            where="PATH",
            next_step="install Docker, or let cd.yml build the image on a GitHub runner",
        ) from err
    if done.returncode:
        raise ImageFailed(
            f"docker {words[0]} failed:\n{done.stderr[-2000:]}",
            where=f"docker {' '.join(words)}",
            next_step="read the last lines above; the same command shows the whole log",
        )
