"""What nobody may do, whatever is attached to a role later: cases for two evaluators of policies."""

from collections.abc import Iterator
from dataclasses import dataclass

from sagemaker_gitops.local.iam.authorizer import Role
from sagemaker_gitops.local.iam.policy import Access
from tests.engine.infra.delivery import ENVIRONMENTS, PROJECT, REGISTRY
from tests.engine.infra.measured import Measured, administrator

_READS = ("Get", "List", "Describe", "Query", "BatchGet", "BatchCheck", "Filter", "Decrypt", "ConditionCheck")
_REGION = "eu-west-1"
_ON_BUCKETS = (
    "BypassGovernanceRetention",
    "DeleteObject",
    "DeleteObjectVersion",
)
_ON_BUCKETS_THEMSELVES = (
    "DeleteBucket",
    "DeleteBucketPolicy",
    "PutBucketObjectLockConfiguration",
    "PutBucketPolicy",
    "PutBucketVersioning",
    "PutEncryptionConfiguration",
    "PutLifecycleConfiguration",
)
_ON_TRAILS = ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")
_ON_LEDGERS = (
    "BatchWriteItem",
    "DeleteItem",
    "DeleteTable",
    "PartiQLDelete",
    "PartiQLUpdate",
    "UpdateContinuousBackups",
    "UpdateItem",
    "UpdateTable",
)
_ON_LOGS = ("DeleteLogGroup", "DeleteRetentionPolicy", "PutRetentionPolicy")
_ON_IMAGES = (
    "BatchDeleteImage",
    "DeleteRepository",
    "DeleteRepositoryPolicy",
    "PutImageTagMutability",
    "SetRepositoryPolicy",
)


@dataclass(frozen=True, kw_only=True)
class Denial:
    """One access that must be refused."""

    role: Role
    access: Access


def readers_writing(measured: Measured) -> Iterator[Denial]:
    """Have a pull request do what other roles do beyond reading."""
    reader = measured.roles["read"]
    for item in measured.asked:
        if not item.access.action.split(":")[1].startswith(_READS) and item.role != "read":
            yield Denial(role=reader, access=item.access)


def strangers(measured: Measured) -> Iterator[Denial]:
    """Have dev's roles, with everything attached to them, do on prod's resources what prod's roles do."""
    for name in (role for role in measured.roles if role.endswith("-dev") and role != "train-dev"):
        stranger = administrator(measured.roles[name])
        for item in measured.asked:
            if item.role.endswith("-prod") and _of_prod(item.access):
                yield Denial(role=stranger, access=item.access)


def _of_prod(access: Access) -> bool:
    key = any(alias.endswith("-prod") for alias in access.context.get("kms:ResourceAliases", ()))
    return (
        key or f"{PROJECT}-prod" in access.resource or "-prod-" in access.resource or access.resource.endswith("-prod")
    )


def destroyers(measured: Measured) -> Iterator[Denial]:
    """Have every role, with everything attached to it, delete or shorten what is evidence."""
    for role in measured.roles.values():
        for access in _evidence(role.principal.account):
            yield Denial(role=administrator(role), access=access)


def _evidence(account: str) -> Iterator[Access]:
    for env in ENVIRONMENTS:
        yield from _on_bucket(f"{PROJECT}-ledger-{env}-{account}")
        table = f"arn:aws:dynamodb:{_REGION}:{account}:table/{PROJECT}-ledger-{env}"
        yield from (Access(action=f"dynamodb:{name}", resource=table) for name in _ON_LEDGERS)
        group = f"arn:aws:logs:{_REGION}:{account}:log-group:/aws/sagemaker/Endpoints/{PROJECT}-{env}:*"
        yield from (Access(action=f"logs:{name}", resource=group) for name in _ON_LOGS)
    yield from _on_bucket(f"{PROJECT}-audit-{account}")
    trail = f"arn:aws:cloudtrail:{_REGION}:{account}:trail/{PROJECT}-audit"
    yield from (Access(action=f"cloudtrail:{name}", resource=trail) for name in _ON_TRAILS)


def _on_bucket(bucket: str) -> Iterator[Access]:
    arn = f"arn:aws:s3:::{bucket}"
    yield from (Access(action=f"s3:{name}", resource=f"{arn}/AWSLogs/x") for name in _ON_BUCKETS)
    yield from (Access(action=f"s3:{name}", resource=arn) for name in _ON_BUCKETS_THEMSELVES)


def forgers(measured: Measured) -> Iterator[Denial]:
    """Have whoever trains or registers, with everything attached, approve, delete or replace a model."""
    package = f"arn:aws:sagemaker:{_REGION}:{REGISTRY}:model-package/{PROJECT}/1"
    group = f"arn:aws:sagemaker:{_REGION}:{REGISTRY}:model-package-group/{PROJECT}"
    approved = {"sagemaker:ModelApprovalStatus": ("Approved",)}
    for name in ("train-dev", "training", "read"):
        role = administrator(measured.roles[name])
        for action in ("CreateModelPackage", "UpdateModelPackage"):
            yield Denial(role=role, access=Access(action=f"sagemaker:{action}", resource=package, context=approved))
        yield Denial(role=role, access=Access(action="sagemaker:DeleteModelPackage", resource=package))
        yield Denial(role=role, access=Access(action="sagemaker:DeleteModelPackageGroupPolicy", resource=group))
        yield Denial(role=role, access=Access(action="sagemaker:PutModelPackageGroupPolicy", resource=group))
        for action in _ON_IMAGES:
            repository = f"arn:aws:ecr:{_REGION}:{REGISTRY}:repository/{PROJECT}-inference"
            yield Denial(role=role, access=Access(action=f"ecr:{action}", resource=repository))
        yield from (Denial(role=role, access=access) for access in _kept())
    # Who deploys to prod writes down a decision, and registers nothing that it could decide on.
    deployer = administrator(measured.roles["deploy-prod"])
    yield Denial(role=deployer, access=Access(action="sagemaker:CreateModelPackage", resource=package))
    for name in ("deploy-dev", "deploy-staging", "rollback-prod", "monitor-prod"):
        access = Access(action="sagemaker:UpdateModelPackage", resource=package, context=approved)
        yield Denial(role=measured.roles[name], access=access)


def _kept() -> Iterator[Access]:
    """Models and data keep their former versions."""
    for bucket in ("artifacts", "data"):
        arn = f"arn:aws:s3:::{PROJECT}-{bucket}-{REGISTRY}"
        yield Access(action="s3:DeleteObjectVersion", resource=f"{arn}/models/x")
        for name in _ON_BUCKETS_THEMSELVES:
            yield Access(action=f"s3:{name}", resource=arn)


def trainers(measured: Measured) -> Iterator[Denial]:
    """Have the code inside a training job rewrite data, gates' verdicts or records."""
    role = measured.roles["training"]
    for path in (
        "data/dvc/files/md5/x",
        "data/versions/x/hmda.csv",
        "data/x",
        "artifacts/gates/x",
        "artifacts/records/x",
    ):
        bucket, _, key = path.partition("/")
        yield Denial(
            role=role,
            access=Access(action="s3:PutObject", resource=f"arn:aws:s3:::{PROJECT}-{bucket}-{REGISTRY}/{key}"),
        )


def climbers(measured: Measured) -> Iterator[Denial]:
    """Have every role, with everything attached to it, get more rights, or hand on what it holds."""
    for role in measured.roles.values():
        for action in ("AttachRolePolicy", "DeleteRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy"):
            yield Denial(role=administrator(role), access=Access(action=f"iam:{action}", resource=role.principal.arn))
        other = f"arn:aws:iam::{role.principal.account}:role/administrator"
        passed = {"iam:PassedToService": ("lambda.amazonaws.com",)}
        yield Denial(role=administrator(role), access=Access(action="iam:PassRole", resource=other, context=passed))
        yield Denial(role=administrator(role), access=Access(action="sts:AssumeRole", resource=other))


def eavesdroppers(measured: Measured) -> Iterator[Denial]:
    """Have every role read without TLS what it may read with it."""
    for item in measured.asked:
        if item.access.action in {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}:
            plain = {**item.access.context, "aws:SecureTransport": ("false",)}
            access = Access(action=item.access.action, resource=item.access.resource, context=plain)
            yield Denial(role=measured.roles[item.role], access=access)


DENIALS = {
    "readers writing": readers_writing,
    "strangers": strangers,
    "destroyers": destroyers,
    "forgers": forgers,
    "trainers": trainers,
    "climbers": climbers,
    "eavesdroppers": eavesdroppers,
}
