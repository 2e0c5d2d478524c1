"""The files of infra/config, and the variables that override them, as validated values.

A variable overrides one key of an environment's file: PIPELINE__DEPLOY__BAKE_SECONDS=60.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.project.documents import read_document
from sagemaker_gitops.project.environments import Environment
from sagemaker_gitops.project.experiments_config import ExperimentsConfig
from sagemaker_gitops.project.freeze import Freeze
from sagemaker_gitops.project.monitor_config import MonitorConfig
from sagemaker_gitops.project.retrain_config import RetrainConfig

AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]+$")]
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z](?:-?[a-z0-9])+$", min_length=3, max_length=32)]

SUBJECT_PREFIX = r"^(repo:[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?)?$"

Model = TypeVar("Model", bound=BaseModel)

_PREFIX = "PIPELINE__"


class Section(BaseModel):
    """Base of every group of settings: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GitHub(Section):
    """Where the repository lives and who reviews what decides a model's behaviour."""

    owner: str
    repository: str
    reviewers: str
    # The label of the runners of every workflow.
    runs_on: Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")] = "ubuntu-24.04"
    # repo:OWNER@ID/NAME@ID, as GitHub's tokens begin; known once the repository exists.
    subject_prefix: Annotated[str, StringConstraints(pattern=SUBJECT_PREFIX)] = ""


class Accounts(Section):
    """The AWS account of each environment; one account may serve all three."""

    dev: AccountId
    staging: AccountId
    prod: AccountId


def _of_partition_aws(region: str) -> str:
    if region.startswith(("cn-", "us-gov-", "us-iso", "eu-isoe-")):
        raise ValueError("is of another partition than aws, and every ARN of this project begins with arn:aws:")
    return region


class Project(Section):
    """infra/config/project.json: what the template asked for."""

    project: ProjectName
    description: str
    github: GitHub
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$"), AfterValidator(_of_partition_aws)]
    accounts: Accounts
    registry_account: AccountId


class Aws(Section):
    """How this pipeline talks to AWS."""

    poll_seconds: float = Field(default=15, gt=0, le=120)


class Spot(Section):
    """Spare capacity, cheaper and taken back at any time; a job waits and is interrupted so long at most, in all."""

    max_wait_seconds: int = Field(ge=60, le=432000)


class Training(Section):
    """The managed compute that a training job runs on."""

    instance_type: InstanceType
    instance_count: int = Field(default=1, ge=1, le=20)
    volume_gb: int = Field(default=10, ge=1, le=16384)
    max_runtime_seconds: int = Field(default=3600, ge=60, le=432000)
    spot: Spot | None = None
    # Who calls CreateTrainingJob: boto3, or the SageMaker SDK's ModelTrainer, installed into .cache/ on first use.
    launcher: Literal["boto3", "sdk"] = "boto3"

    @model_validator(mode="after")
    def _waits_at_least_as_long_as_it_runs(self) -> Self:
        if self.spot and self.spot.max_wait_seconds < self.max_runtime_seconds:
            raise ValueError(
                f"spot.max_wait_seconds = {self.spot.max_wait_seconds} holds waiting and training, so it must be "
                f"at least max_runtime_seconds = {self.max_runtime_seconds}"
            )
        return self


class ServiceLevel(Section):
    """The latency that callers get at most, in milliseconds, and the load it holds under."""

    p50_ms: float = Field(gt=0)
    p95_ms: float = Field(gt=0)
    p99_ms: float = Field(gt=0)
    requests_per_second: float = Field(gt=0)


class Autoscaling(Section):
    """Between how many instances the serving variant moves, by the requests a minute that each should answer."""

    minimum: int = Field(ge=1, le=100)
    maximum: int = Field(ge=1, le=100)
    invocations_per_instance: float = Field(gt=0)


class Serving(Section):
    """The fleet behind one variant, and how much of its traffic is captured."""

    instance_type: InstanceType
    instance_count: int = Field(ge=1, le=100)
    autoscaling: Autoscaling | None = None
    capture_percent: int = Field(default=100, ge=0, le=100)
    sla: ServiceLevel
    load_test: bool = False
    # Whether callers send features, or ids whose features client.features looks up.
    features: Literal["request", "store"] = "request"

    @model_validator(mode="after")
    def _starts_within_its_bounds(self) -> Self:
        bounds = self.autoscaling
        if bounds and not bounds.minimum <= self.instance_count <= bounds.maximum:
            raise ValueError(
                f"instance_count = {self.instance_count} must lie between autoscaling.minimum = {bounds.minimum} "
                f"and autoscaling.maximum = {bounds.maximum}"
            )
        return self

    @property
    def fewest(self) -> int:
        """The instances that a serving variant has at least."""
        return self.autoscaling.minimum if self.autoscaling else self.instance_count

    @property
    def most(self) -> int:
        """The instances that a variant has at most, unless somebody changes it by hand."""
        return self.autoscaling.maximum if self.autoscaling else self.instance_count


class PrivateEndpoint(Section):
    """A VPC that is there, whose callers reach the model without the internet."""

    vpc: Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]+$")]
    subnets: Annotated[tuple[SubnetId, ...], Field(min_length=1)]
    # The addresses that may ask, as a CIDR block.
    callers: Annotated[str, StringConstraints(pattern=r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$")]


class HttpFront(Section):
    """API Gateway before the endpoint, and how much it lets through."""

    requests_per_second: int = Field(ge=1, le=10000)
    burst: int = Field(default=100, ge=1, le=5000)


class Approval(Section):
    """Whose word this environment waits for: nobody's, or the model registry's."""

    required: bool


class EnvironmentFile(Section):
    """infra/config/<env>.json: how one environment trains, serves, releases and watches."""

    aws: Aws = Aws()
    training: Training
    serving: Serving
    approval: Approval
    deploy: DeployConfig
    monitor: MonitorConfig
    retrain: RetrainConfig = RetrainConfig()
    experiments: ExperimentsConfig | None = None
    # Whether SageMaker Pipelines may run the stages, too: read from dev.json, where training is done.
    orchestration: bool = False
    private_endpoint: PrivateEndpoint | None = None
    http_front: HttpFront | None = None

    @model_validator(mode="after")
    def _aws_can_only_go_back_to_a_standby(self) -> Self:
        if self.deploy.strategy == "native" and self.monitor.policy.unattended:
            raise ValueError(
                "monitor.policy.unattended = true needs a standby, which deploy.strategy = native does not keep; "
                "set monitor.policy.dispatch_secret instead, so that GitHub brings the former release up again"
            )
        return self


def read_project(folder: Path) -> Project:
    """Read project.json."""
    path = folder / "project.json"
    return _validated(Project, read_document(path), path)


def read_freeze(folder: Path) -> Freeze:
    """Read freeze.json; a project without one is never frozen."""
    path = folder / "freeze.json"
    return _validated(Freeze, read_document(path), path) if path.is_file() else Freeze()


def read_environment(folder: Path, env: Environment, environ: Mapping[str, str]) -> EnvironmentFile:
    """Read <env>.json, with the variables laid over it."""
    path = folder / f"{env}.json"
    return _validated(EnvironmentFile, _overridden(read_document(path), environ), path)


def _overridden(values: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for name, text in environ.items():
        if name.startswith(_PREFIX):
            *groups, key = name.removeprefix(_PREFIX).lower().split("__")
            target = values
            for group in groups:
                target = target.setdefault(group, {})
            target[key] = text
    return values


def _validated(model: type[Model], values: dict[str, Any], path: Path) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as err:
        problems = [_problem(item["loc"], item["msg"], item["input"]) for item in err.errors()]
        raise ConfigurationError(
            "the configuration is not valid:\n    " + "\n    ".join(problems),
            where=f"{path} (or a variable {_PREFIX}… that overrides it)",
            next_step="correct each line above; the template's docs/reference.md lists every key",
        ) from err


def _problem(location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location)
    return f"{key}: {message}" if isinstance(value, dict) else f"{key} = {value!r}: {message}"
