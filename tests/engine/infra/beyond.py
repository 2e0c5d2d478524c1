"""What AWS asks of the roles where the embedded AWS cannot look: the only grants that no recorded call shows."""

from collections.abc import Iterator
from dataclasses import dataclass

from sagemaker_gitops.local.iam.policy import Access
from tests.engine.infra.delivery import ENVIRONMENTS, PROJECT, REGISTRY

_REGION = "eu-west-1"
_PUSH = (
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "GetDownloadUrlForLayer",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
)


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """One access of one role, and why no recording has it."""

    role: str
    access: Access
    reason: str


def beyond() -> Iterator[Beyond]:
    """Return every such access."""
    yield from _pushes()
    yield from _fine_tuning()
    for env, account in ENVIRONMENTS.items():
        yield from _deployments(env, account)
        yield from _function(env, account)


def _pushes() -> Iterator[Beyond]:
    reason = (
        "docker push, and a build that takes layers of an earlier image, speak the registry's protocol (ECR user"
        " guide: required IAM permissions for pushing an image; pulling a layer needs GetDownloadUrlForLayer)"
    )
    for kind in ("train", "inference"):
        repository = f"arn:aws:ecr:{_REGION}:{REGISTRY}:repository/{PROJECT}-{kind}"
        for action in _PUSH:
            yield _of("train-dev", f"ecr:{action}", repository, reason)
    yield _of("train-dev", "ecr:GetAuthorizationToken", "*", "docker login comes before docker push")


def _fine_tuning() -> Iterator[Beyond]:
    bucket = f"arn:aws:s3:::{PROJECT}-artifacts-{REGISTRY}"
    reason = "a job that continues a model lists the model's prefix; the loop here only trains anew"
    yield _of("training", "s3:ListBucket", bucket, reason, **{"s3:prefix": "models/1/output/model.tar.gz"})


def _deployments(env: str, account: str) -> Iterator[Beyond]:
    role = f"deploy-{env}"
    endpoint = f"arn:aws:sagemaker:{_REGION}:{account}:endpoint/{PROJECT}-{env}"
    yield _of(role, "sagemaker:DeleteEndpoint", endpoint, "an endpoint whose creation failed can only be deleted")


def _function(env: str, account: str) -> Iterator[Beyond]:
    group = f"arn:aws:logs:{_REGION}:{account}:log-group:/aws/lambda/{PROJECT}-respond-{env}"
    for action in ("CreateLogStream", "PutLogEvents"):
        stream = f"{group}:log-stream:2026/01/01/[$LATEST]0"
        yield _of(f"responder-{env}", f"logs:{action}", stream, "Lambda itself writes what a function prints")


def _of(role: str, action: str, resource: str, reason: str, **context: str) -> Beyond:
    known = {key: (value,) for key, value in context.items()}
    return Beyond(role=role, access=Access(action=action, resource=resource, context=known), reason=reason)
