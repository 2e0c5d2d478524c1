"""A commit that changes code alone installs no dependency again, on a machine that has never built the image."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from itertools import takewhile
from pathlib import Path

import pytest
from tests.containers.conftest import HERE
from tests.containers.docker import Docker
from tests.sample import ROOT as PROJECT

# What `image` does with Docker, without ECR's name and password.
BUILD = """
import json, sys
from pathlib import Path
from sagemaker_gitops.build import docker
context, name, newest, options = sys.argv[1:]
layers = docker.with_layers_of(newest or None)
labels = {"COMMIT": name, "FINGERPRINT": name}
docker.build(Path(context), dockerfile=Path(context, "model/inference/Dockerfile"), name=name, labels=labels,
             options=(*json.loads(options), *layers))
docker.push(name)
"""


@pytest.fixture
def registry(docker: Docker, tmp_path: Path) -> Iterator[str]:
    """Run a registry on loopback, which Docker trusts without a certificate."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("only root on Debian can install a registry")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([HERE / "registry.sh", tmp_path, str(port)]) as process:
        try:
            _wait(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the registry does not answer")


def test_a_new_runner_takes_unchanged_layers_from_the_registry(
    docker: Docker, registry: str, project_python: Path, tmp_path: Path
) -> None:
    """With the newest image named, the layer of the dependencies is the pushed one; without it, another."""
    context = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns(".local", ".cache"))
    first, second, control = (f"{registry}/loan-approval-inference:{tag}" for tag in ("first", "second", "control"))
    _build(docker, project_python, context, first)
    before = _layers(docker, first)
    predictor = context / "model/inference/predictor.py"
    predictor.write_text(predictor.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")

    _forget(docker, first)
    _build(docker, project_python, context, second, newest=first)
    after = _layers(docker, second)
    _forget(docker, second)
    _build(docker, project_python, context, control)
    unaided = _layers(docker, control)

    assert _common(before, after) > _common(before, unaided)
    assert before != after


def _build(docker: Docker, python: Path, context: Path, name: str, *, newest: str = "") -> None:
    done = subprocess.run(
        [python, "-c", BUILD, context, name, newest, json.dumps(docker.build_arguments)],
        cwd=context,
        env=docker.environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _layers(docker: Docker, name: str) -> list[str]:
    told = docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", name).stdout
    layers: list[str] = json.loads(told)
    return layers


def _common(one: list[str], other: list[str]) -> int:
    """Count the layers that two images begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _forget(docker: Docker, name: str) -> None:
    """Make the engine one that has never seen the image."""
    assert docker("image", "rm", name).returncode == 0
    assert docker("builder", "prune", "--all", "--force").returncode == 0
