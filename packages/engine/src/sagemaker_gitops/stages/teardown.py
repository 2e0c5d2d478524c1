"""teardown: remove what bootstrap made, and say what stays behind and why."""

from collections.abc import Callable
from dataclasses import dataclass

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.stack_shapes import Kept
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project import features as definition
from sagemaker_gitops.project.environments import ENVIRONMENTS
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release import variants
from sagemaker_gitops.stacks import infrastructure
from sagemaker_gitops.stacks.infrastructure import Stack
from sagemaker_gitops.stages import foundation
from sagemaker_gitops.stages.result import StageResult

_LOCKED = "Object Lock in compliance mode: AWS lets nobody delete it, or what decrypts it, before its time"
_DATA = "it holds data; `--data` deletes it"
# The stacks of these concerns are what data lies in; they go only with it, the keys that decrypt it included.
_HOLDERS = frozenset({"storage", "registry", "audit", "features"})
_PROVIDER = "others of the account may sign in through it, and it costs nothing"
_BOUNDARY = "it bounds the role of the feature store, which stays"


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much goes, who is told, and who says yes.

    `shared` takes what all environments use as well, `data` what holds models, captures and evidence.
    """

    shared: bool
    data: bool
    progress: Callable[[str], None]
    agreed: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class _Left:
    name: str
    reason: str


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Delete the endpoint, then the stacks, latest first; safe to repeat."""
    present = _present(settings, aws, options)
    if not options.agreed("\n".join([f"endpoint {settings.endpoint_name}", *_plan(present, options)])):
        return StageResult(summary="### teardown\nNothing was removed: the plan was declined.")
    if settings.account == aws.account():
        _remove_endpoint(settings, aws, options)
    left: list[_Left] = []
    for stack in present:
        if stack.concern == "access" and stack.scope == settings.env and aws.stacks.status(_feature_store(settings)):
            left.append(_Left(name=f"stack {stack.name}", reason=_BOUNDARY))
        else:
            left += _remove(aws, stack, options)
    if options.data:
        aws.remains.delete_table(settings.ledger_table)
    removed = len([stack for stack in present if not aws.stacks.status(stack.name)])
    return StageResult(summary=_summary(removed, left), outputs={"removed": str(removed), "left": str(len(left))})


def _remove_endpoint(settings: Settings, aws: Aws, options: Options) -> None:
    """Delete the endpoint, and what stands around it outside of the stacks that bootstrap would make now."""
    options.progress(f"endpoint {settings.endpoint_name}")
    aws.remains.delete_endpoint(settings.endpoint_name)
    variants.sync_alarms_and_scaling(settings, aws, None, None)
    aws.dashboards.delete(settings.endpoint_name)
    aws.remains.delete_models(f"{settings.endpoint_name}-")
    for name in infrastructure.switched_off(settings):
        if options.data or name != _feature_store(settings):
            aws.stacks.delete(name)
    if options.data:
        _delete_feature_groups(settings, aws, options)


def _delete_feature_groups(settings: Settings, aws: Aws, options: Options) -> None:
    """Delete the groups of every schema: no stack holds the former ones, or that of a store switched off."""
    for name in aws.remains.feature_groups(settings.endpoint_name):
        if definition.serves(name, settings.endpoint_name):
            options.progress(f"feature group {name}")
            aws.remains.delete_feature_group(name)


def _feature_store(settings: Settings) -> str:
    return f"{settings.project}-features-{settings.env}"


def _present(settings: Settings, aws: Aws, options: Options) -> list[Stack]:
    own = [*reversed(foundation.look(settings, aws).own)]
    if options.shared:
        _refuse_while_used(settings, aws)
    else:
        own = [stack for stack in own if stack.scope == settings.env]
    return [stack for stack in own if aws.stacks.status(stack.name)]


def _plan(present: list[Stack], options: Options) -> list[str]:
    return [stack.name for stack in present if options.data or stack.concern not in _HOLDERS]


def _refuse_while_used(settings: Settings, aws: Aws) -> None:
    others = [env for env in ENVIRONMENTS if env != settings.env]
    used = [env for env in others if aws.stacks.status(f"{settings.project}-delivery-{env}")]
    if used:
        raise ConfigurationError(
            f"{' and '.join(used)} still use what is shared",
            where="--shared",
            next_step=f"run `pipeline teardown --env {used[0]}` first",
        )


def _remove(aws: Aws, stack: Stack, options: Options) -> list[_Left]:
    if stack.concern in _HOLDERS and not options.data:
        return [_Left(name=f"stack {stack.name}", reason=_DATA)]
    buckets = [item.name for item in aws.stacks.resources(stack.name) if item.type == "AWS::S3::Bucket"]
    locked = [name for name in buckets if aws.remains.locked(name)]
    if locked:
        for name in set(buckets) - set(locked):
            aws.remains.empty_bucket(name)
        return [_Left(name=f"stack {stack.name} with bucket {name}", reason=_LOCKED) for name in locked]
    options.progress(f"stack {stack.name}")
    return [item for kept in aws.stacks.delete(stack.name) for item in _settle(aws, kept, data=options.data)]


def _settle(aws: Aws, kept: Kept, *, data: bool) -> list[_Left]:
    """Delete what outlived its stack, or tell that it stays."""
    if kept.type == foundation.PROVIDER:
        return [_Left(name=f"{kept.type} {kept.name}", reason=_PROVIDER)]
    if not data:
        return [_Left(name=f"{kept.type} {kept.name}", reason=_DATA)]
    removal: dict[str, Callable[[str], None]] = {
        "AWS::S3::Bucket": aws.remains.delete_bucket,
        "AWS::DynamoDB::Table": aws.remains.delete_table,
        "AWS::ECR::Repository": aws.remains.delete_repository,
        "AWS::Logs::LogGroup": aws.remains.delete_log_group,
        "AWS::KMS::Key": aws.remains.delete_key,
        "AWS::SageMaker::FeatureGroup": aws.remains.delete_feature_group,
        "AWS::SageMaker::ModelPackageGroup": lambda arn: aws.remains.delete_registry(arn.rpartition("/")[2]),
    }
    removal[kept.type](kept.name)
    return []


def _summary(removed: int, left: list[_Left]) -> str:
    lines = [f"### teardown\n{removed} stacks removed, and the endpoint with its models."]
    if left:
        lines += ["", "| left behind | because |", "|---|---|", *(f"| {item.name} | {item.reason} |" for item in left)]
        lines += ["", "The next bootstrap takes up again whatever is left."]
    return "\n".join(lines)
