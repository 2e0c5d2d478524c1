"""The plant that the live tests share: prod on an embedded AWS, with good and bad releases in the registry."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_gitops.local.sagemaker.images import environment_file
from tests.engine.conftest import copy_project
from tests.engine.release.live.plant import HERE, QUICK, Plant

BEHAVIOURS: dict[str, dict[str, object]] = {
    "good": {},
    "better": {},
    "third": {},
    "failing": {"failing": 0.3},
    "slow": {"slow": 1.0},
    "skewed": {"skewed": True},
}


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Start an AWS with prod's stacks and the test's image; stop it afterwards."""
    root = copy_project(tmp_path_factory.mktemp("plant") / "project")
    _put_image(root / ".local/images/inference-0123456789abcdef")
    bare = Plant(root=root, environ={})
    stdout, stderr = bare.start("local", "up", "--time-scale", "600").communicate(timeout=60)
    assert stdout, stderr
    exports = json.loads(stdout)["outputs"]
    plant = Plant(root=root, environ={**exports, **QUICK})
    patch = pytest.MonkeyPatch()
    for name, value in exports.items():
        patch.setenv(name, value)
    try:
        made = plant.run("bootstrap", "aws", "--env", "prod", "--yes")
        assert made.exit_code == 0, made.stderr
        for name, behaviour in BEHAVIOURS.items():
            plant.register(name, **behaviour)
        yield plant
    finally:
        patch.undo()
        bare.start("local", "down").communicate(timeout=60)


@pytest.fixture
def serving(plant: Plant) -> Plant:
    """Have the good release alone serve everybody, whatever a former test left."""
    told = plant.deploy("good", "all_at_once", PIPELINE__DEPLOY__STANDBY_HOURS="0")
    assert told.exit_code == 0, told.stderr
    cleaned = plant.run("clean", "--env", "prod", PIPELINE__DEPLOY__STANDBY_HOURS="0")
    assert cleaned.exit_code == 0, cleaned.stderr
    return plant


def _put_image(folder: Path) -> None:
    (folder / "venv/bin").mkdir(parents=True)
    (folder / "venv/bin/python").symlink_to(sys.executable)
    shutil.copytree(HERE / "image", folder / "code")
    environment_file(folder).write_text(json.dumps({}))
