"""image: what was pushed once is not built again, and a build starts from the newest image."""

import hashlib
import json
import time

import pytest
from sagemaker_gitops.aws.images import Images
from tests.engine.stages.conftest import Laptop

pytestmark = pytest.mark.acceptance
# No program is found, so the commit is told instead of asked for.
WITHOUT_DOCKER = {"PATH": "/nowhere", "GITHUB_SHA": "0123abc"}


def test_unchanged_context_is_neither_built_nor_pushed(laptop: Laptop) -> None:
    """Both images are found by their content; the machine needs no Docker for that."""
    told = laptop.run("image", "--env", "dev", **WITHOUT_DOCKER)

    assert told.exit_code == 0, told.stderr
    assert {told.outputs["train_built"], told.outputs["inference_built"]} == {"false"}


def test_changed_context_is_built(laptop: Laptop) -> None:
    """Another Dockerfile is another image; without Docker the error says what is missing."""
    dockerfile = laptop.root / "model/train/Dockerfile"
    before = dockerfile.read_text()
    dockerfile.write_text(f"{before}# changed\n")

    told = laptop.run("image", "--env", "dev", **WITHOUT_DOCKER)

    dockerfile.write_text(before)
    assert told.exit_code == 7
    assert "docker is not installed" in told.stderr


def test_a_build_starts_from_the_newest_image(laptop: Laptop) -> None:
    """Of several images of a repository, the one that was pushed last has most layers in common."""
    ecr = laptop.client("ecr")
    repository = ecr.create_repository(repositoryName="loan-approval-layers")["repository"]
    images = Images(ecr, account=repository["registryId"])
    none = images.newest("loan-approval-layers")
    for tag in ("b-first", "a-last"):
        ecr.put_image(repositoryName="loan-approval-layers", imageManifest=_manifest(tag), imageTag=tag)
        time.sleep(1)  # the registry tells whole seconds apart

    newest = images.newest("loan-approval-layers")

    assert (none, newest) == (None, "a-last")


def _manifest(tag: str) -> str:
    layer = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "size": 1,
        "digest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}",
    }
    config = {**layer, "mediaType": "application/vnd.oci.image.config.v1+json"}
    kind = "application/vnd.oci.image.manifest.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]})


def test_a_machine_without_git_is_told_so(laptop: Laptop) -> None:
    """The commit goes on the images, so git must be there."""
    told = laptop.run("image", "--env", "dev", PATH="/nowhere")

    assert told.exit_code == 2
    assert "git is not installed" in told.stderr
