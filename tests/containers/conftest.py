"""A Docker engine, the project's two images, and /opt/ml trees to run them on."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bake import ROOT
from tests.containers.docker import Docker
from tests.sample import ROOT as PROJECT

HERE = Path(__file__).parent
# Kept between runs: a second run builds nothing that is unchanged.
ENGINE = ROOT / "build" / "engine"
STAND_IN = "python:3.11-slim-bookworm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """Use the machine's engine, or start one with a stand-in for the base image."""
    present = Docker(environment=dict(os.environ), build_arguments=())
    if present.answers():
        yield present
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("no Docker engine answers, and only root on Debian can start one")
    environment = {
        **os.environ,
        "ENGINE_DIR": str(ENGINE),
        "DOCKER_HOST": f"unix://{ENGINE}/docker.sock",
        "DOCKER_BUILDKIT": "1",
        # Debian's client knows BuildKit; another one, earlier on PATH, may not.
        "PATH": f"/usr/bin:{os.environ['PATH']}",
    }
    try:
        _script("engine.sh", "start", environment=environment)
        _script("base_image.sh", STAND_IN, environment=environment)
        arguments = ("--network", "host", "--build-arg", f"PYTHON_IMAGE={STAND_IN}")
        yield Docker(environment=environment, build_arguments=arguments)
    finally:
        _script("engine.sh", "stop", environment=environment)


def _script(name: str, word: str, *, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(HERE / name), word], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def images(docker: Docker) -> dict[str, str]:
    """Build both images as the `image` stage does, and return their names."""
    names = {}
    for kind in ("train", "inference"):
        names[kind] = f"sagemaker-gitops-test-{kind}"
        docker.build(PROJECT, dockerfile=PROJECT / "model" / kind / "Dockerfile", name=names[kind])
    return names


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Lay out /opt/ml as SageMaker does before a training job."""
    return lay_out(tmp_path / "ml")


@pytest.fixture(scope="session")
def trained(docker: Docker, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train in the container, and return the tree with the model."""
    root = lay_out(tmp_path_factory.mktemp("trained") / "ml")
    done = docker.train(images["train"], root, "--network", "none")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def lay_out(root: Path) -> Path:
    """Write a training job's inputs, readable for their owner only, as SageMaker's own tools mount them."""
    (root / "input/config").mkdir(parents=True)
    (root / "input/data/training").mkdir(parents=True)
    for folder in ("model", "output/data"):
        (root / folder).mkdir(parents=True)
    hyperparameters = json.loads((PROJECT / "model/config/hyperparameters.json").read_text(encoding="utf-8"))
    (root / "input/config/hyperparameters.json").write_text(json.dumps(hyperparameters), encoding="utf-8")
    shutil.copy(PROJECT / "data/hmda.csv", root / "input/data/training")
    (root / "input/data").chmod(0o700)
    return root
