"""The options that Docker builds images for SageMaker with."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from sagemaker_gitops.aws.images import Images
from sagemaker_gitops.build import docker
from sagemaker_gitops.errors import ImageFailed

PROGRAM = """#!/bin/sh
test "$1 $2" = "buildx version" && exit {code}
exit 2
"""


@pytest.mark.parametrize(("code", "format_is_said"), [(0, True), (1, False)], ids=["buildx", "without buildx"])
def test_manifest_is_in_dockers_own_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, format_is_said: bool
) -> None:
    """BuildKit writes OCI manifests unless it is told otherwise; a Docker without buildx knows no such option."""
    program = tmp_path / "docker"
    program.write_text(PROGRAM.format(code=code))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    options = docker.for_sagemaker()

    assert ("type=docker,oci-mediatypes=false" in options) == format_is_said
    assert "--provenance=false" in options


def test_image_that_sagemaker_refuses_is_found_before_it_is_used() -> None:
    """ECR takes it, and its tag is taken for ever: the remedy is another tag."""
    ecr: Any = boto3.client("ecr", "eu-west-1", aws_access_key_id="any", aws_secret_access_key="any")
    detail = {"imageDigest": "sha256:0", "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json"}

    with Stubber(ecr) as stub:
        stub.add_response("describe_images", {"imageDetails": [detail]})
        with pytest.raises(ImageFailed, match="OCI format") as caught:
            Images(ecr, account="111111111111").require("loans-inference", "0123")

    assert "Dockerfile" in str(caught.value.next_step)
