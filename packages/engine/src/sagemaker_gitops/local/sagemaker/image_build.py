"""`local image`: the checkout's images as folders, and their tags in the local ECR."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import regex
from uv import find_uv_bin

from sagemaker_gitops.build import docker, fingerprint
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.sagemaker.images import docker_file, environment_file
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Place
from sagemaker_gitops.project.environments import ImageKind

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

KINDS: tuple[ImageKind, ...] = ("train", "inference")
# What only makes sense inside the container that the Dockerfile builds.
_CONTAINER_ONLY = frozenset({"PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"})
_ENV = regex.compile(r"^ENV\s+(.+)$", regex.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image of the checkout."""

    repository: str
    tag: str
    folder: Path
    fresh: bool


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an image is made of, and whether Docker builds it, with which further options of `docker build`."""

    root: Path
    project: str
    docker: bool = False
    options: tuple[str, ...] = ()


def build(recipe: Recipe, images: Path, kind: ImageKind) -> Built:
    """Build the image of a checkout unless its content was built before, in the same way."""
    tag = fingerprint.image_tag(recipe.root, kind)
    folder = images / f"{kind}-{tag}"
    fresh = not environment_file(folder).is_file() or docker_file(folder).is_file() != recipe.docker
    if fresh:
        images.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=images))
        try:
            (_fill_by_docker if recipe.docker else _fill)(recipe, draft, kind)
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return Built(repository=f"{recipe.project}-{kind}", tag=tag, folder=folder, fresh=fresh)


def push(built: Built, clients: Clients, place: Place) -> None:
    """Put the image's tag into the local ECR, so that describe_images finds it."""
    ecr = clients.ecr(place)
    _ensure_repository(ecr, built.repository)
    docker_type = "application/vnd.docker"
    layer = {"size": 1, "digest": f"sha256:{_digest(built.tag)}", "mediaType": f"{docker_type}.image.rootfs.diff.tar"}
    config = {**layer, "mediaType": f"{docker_type}.container.image.v1+json"}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{docker_type}.distribution.manifest.v2+json",
        "config": config,
        "layers": [layer],
    }
    found = ecr.batch_get_image(repositoryName=built.repository, imageIds=[{"imageTag": built.tag}])
    if not found["images"]:
        ecr.put_image(repositoryName=built.repository, imageManifest=json.dumps(manifest), imageTag=built.tag)


def _ensure_repository(ecr: "ECRClient", name: str) -> None:
    try:
        ecr.describe_repositories(repositoryNames=[name])
    except ecr.exceptions.RepositoryNotFoundException:
        ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")


def _fill_by_docker(recipe: Recipe, folder: Path, kind: ImageKind) -> None:
    model, tag = recipe.root / "model", fingerprint.image_tag(recipe.root, kind)
    name = f"{recipe.project}-{kind}:{tag}"
    labels = {"COMMIT": "local", "FINGERPRINT": tag}
    dockerfile = model / kind / "Dockerfile"
    docker.build(recipe.root, dockerfile=dockerfile, name=name, labels=labels, options=recipe.options)
    docker_file(folder).write_text(name)
    environment_file(folder).write_text("{}")  # the image has its own


def _fill(recipe: Recipe, folder: Path, kind: ImageKind) -> None:
    root, source = recipe.root, recipe.root / "model" / kind
    code = folder / "code"
    code.mkdir()
    for path in (path for path in fingerprint.image_files(root, kind) if path != root / fingerprint.MODELKIT):
        target = code / (path.relative_to(source) if path.is_relative_to(source) else path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _uv("venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    python = str(folder / "venv" / "bin" / "python")
    _uv("pip", "sync", "--quiet", "--require-hashes", "--python", python, str(source / "requirements.txt"))
    pin = root / fingerprint.MODELKIT
    # A project without wheels takes them from where uv is set up to look; the pin decides what is accepted.
    place = ("--no-index", "--find-links", str(pin.parent)) if any(pin.parent.glob("*.whl")) else ()
    words = ("--quiet", "--require-hashes", "--no-deps", *place, "--python", python)
    _uv("pip", "install", *words, "--requirement", str(pin))
    environment_file(folder).write_text(json.dumps(_environment((source / "Dockerfile").read_text())))


def _environment(dockerfile: str) -> dict[str, str]:
    words = [word for line in _ENV.findall(dockerfile) for word in shlex.split(line)]
    pairs = dict(word.split("=", 1) for word in words)
    return {name: value for name, value in pairs.items() if name not in _CONTAINER_ONLY}


def _uv(*arguments: str) -> None:
    # The machine's own certificates count, as under make, so that a company's proxy works.
    environment = {"UV_SYSTEM_CERTS": "1"} | {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run([find_uv_bin(), *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(
            f"an image's dependencies could not be installed: {done.stderr.strip()[-800:]}",
            where=f"uv {' '.join(arguments[:2])}",
            next_step="check the network or the package cache, then run it again",
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
