"""Container images in ECR, named by their content."""

import base64
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import error_code
from sagemaker_gitops.errors import ImageFailed, ImageMissing

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

_OCI = "application/vnd.oci."
_ABSENT = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


class Images:
    """The registry of container images."""

    def __init__(self, client: "ECRClient", *, account: str) -> None:
        self._client = client
        self._account = account

    def find(self, repository: str, tag: str) -> str | None:
        """Return the digest of an image; None when there is none of that tag, an error when SageMaker cannot use it."""
        try:
            found = self._client.describe_images(
                registryId=self._account, repositoryName=repository, imageIds=[{"imageTag": tag}]
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) in _ABSENT:
                return None
            raise
        image = found["imageDetails"][0]
        if image.get("imageManifestMediaType", "").startswith(_OCI):
            raise ImageFailed(
                f"{repository}:{tag} has a manifest in the OCI format, which SageMaker refuses",
                where=f"ECR of account {self._account}",
                next_step="change a comment in the image's Dockerfile, as a tag is never pushed twice, and run "
                "`pipeline image`, which asks Docker for its own format",
            )
        return image["imageDigest"]

    def require(self, repository: str, tag: str) -> str:
        """Return the digest of an image, or say that this code was never built into one."""
        if digest := self.find(repository, tag):
            return digest
        raise ImageMissing(
            f"no image {repository}:{tag}; its tag is the hash of the code, so this code was never built",
            where=f"ECR of account {self._account}",
            next_step="run `pipeline image`, which builds and pushes it",
        )

    def newest(self, repository: str) -> str | None:
        """Return a tag of the image that was pushed last; None when there is none."""
        pages = self._client.get_paginator("describe_images").paginate(
            registryId=self._account, repositoryName=repository, filter={"tagStatus": "TAGGED"}
        )
        images = [image for page in pages for image in page["imageDetails"]]
        return max(images, key=lambda image: image["imagePushedAt"])["imageTags"][0] if images else None

    def login(self) -> tuple[str, str]:
        """Return a user and a password for docker, valid for twelve hours."""
        token = self._client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        return user, password
