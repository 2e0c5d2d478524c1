"""The project's configuration: project.json, then <env>.json, then the environment.

A variable overrides one key of an environment's file: PIPELINE__DEPLOY__BAKE_SECONDS=60.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pipeline.drift.config import MonitorConfig
from pipeline.errors import ConfigurationError
from pipeline.fingerprint import ImageKind
from pipeline.release.config import DeployConfig

Environment = Literal["dev", "staging", "prod"]
ENVIRONMENTS: tuple[Environment, ...] = ("dev", "staging", "prod")

AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z](?:-?[a-z0-9])+$", min_length=3, max_length=32)]

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


class Accounts(Section):
    """The AWS account of each environment; one account may serve all three."""

    dev: AccountId
    staging: AccountId
    prod: AccountId


class Project(Section):
    """infra/config/project.json: what the template asked for."""

    project: ProjectName
    description: str
    github: GitHub
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    accounts: Accounts
    registry_account: AccountId


class Aws(Section):
    """How this pipeline talks to AWS."""

    poll_seconds: float = Field(default=15, gt=0, le=120)


class Training(Section):
    """The managed compute that a training job runs on."""

    instance_type: InstanceType
    instance_count: int = Field(default=1, ge=1, le=20)
    volume_gb: int = Field(default=10, ge=1, le=16384)
    max_runtime_seconds: int = Field(default=3600, ge=60, le=432000)


class Latency(Section):
    """The service level: what a caller waits for one prediction, in milliseconds."""

    p50_ms: float = Field(gt=0)
    p95_ms: float = Field(gt=0)
    p99_ms: float = Field(gt=0)


class Serving(Section):
    """The fleet behind one variant, and how much of its traffic is captured."""

    instance_type: InstanceType
    instance_count: int = Field(ge=1, le=100)
    capture_percent: int = Field(default=100, ge=0, le=100)
    sla: Latency


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


class Settings(Section):
    """Everything a stage needs to know, with the names that follow from it."""

    root: Path
    env: Environment
    project_file: Project
    environment_file: EnvironmentFile

    @classmethod
    def load(cls, root: Path, env: Environment, environ: Mapping[str, str]) -> Self:
        """Read and validate the configuration of `env` in the checkout at `root`."""
        folder = root / "infra" / "config"
        values = _overridden(_read(folder / f"{env}.json"), environ)
        return cls(
            root=root,
            env=env,
            project_file=_validated(Project, _read(folder / "project.json"), folder / "project.json"),
            environment_file=_validated(EnvironmentFile, values, folder / f"{env}.json"),
        )

    @property
    def project(self) -> str:
        """The name that every resource of the project starts with."""
        return self.project_file.project

    @property
    def region(self) -> str:
        """The AWS region of every resource."""
        return self.project_file.region

    @property
    def account(self) -> str:
        """The AWS account of this environment."""
        return str(getattr(self.project_file.accounts, self.env))

    @property
    def registry_account(self) -> str:
        """The AWS account that trains, and keeps models, images and data."""
        return self.project_file.registry_account

    @property
    def aws(self) -> Aws:
        """How to talk to AWS."""
        return self.environment_file.aws

    @property
    def training(self) -> Training:
        """The compute of training jobs."""
        return self.environment_file.training

    @property
    def serving(self) -> Serving:
        """The fleet behind one variant."""
        return self.environment_file.serving

    @property
    def deploy(self) -> DeployConfig:
        """How traffic moves to a new release."""
        return self.environment_file.deploy

    @property
    def monitor(self) -> MonitorConfig:
        """What counts as drift, and what follows from it."""
        return self.environment_file.monitor

    @property
    def approval(self) -> Approval:
        """Whose word a deploy waits for."""
        return self.environment_file.approval

    @property
    def endpoint_name(self) -> str:
        """The endpoint that answers for this environment."""
        return f"{self.project}-{self.env}"

    @property
    def model_group(self) -> str:
        """The model package group: the list of all releases."""
        return self.project

    @property
    def artifact_bucket(self) -> str:
        """Models and gate reports, shared by all environments."""
        return f"{self.project}-artifacts-{self.registry_account}"

    @property
    def data_bucket(self) -> str:
        """Immutable data versions, shared by all environments."""
        return f"{self.project}-data-{self.registry_account}"

    @property
    def capture_bucket(self) -> str:
        """What the endpoint was asked and what it answered."""
        return f"{self.project}-capture-{self.env}-{self.account}"

    @property
    def ledger_bucket(self) -> str:
        """The ledger's copy under Object Lock."""
        return f"{self.project}-ledger-{self.env}-{self.account}"

    @property
    def ledger_table(self) -> str:
        """The ledger."""
        return f"{self.project}-ledger-{self.env}"

    @property
    def lease_table(self) -> str:
        """Who may change the endpoint at this moment."""
        return f"{self.project}-lease-{self.env}"

    @property
    def training_role_arn(self) -> str:
        """The role that a training container runs under."""
        return f"arn:aws:iam::{self.registry_account}:role/{self.project}-training"

    @property
    def inference_role_arn(self) -> str:
        """The role that a serving container runs under."""
        return f"arn:aws:iam::{self.account}:role/{self.project}-inference-{self.env}"

    def training_job_name(self, fingerprint: str) -> str:
        """Name the training job of a fingerprint, so that a second run finds the first."""
        return f"{self.project}-{fingerprint[:12]}"

    def gate_report_uri(self, fingerprint: str, image_tag: str) -> str:
        """Where the gates' verdict on a model in a serving image is kept."""
        return f"s3://{self.artifact_bucket}/gates/{fingerprint}/{image_tag}.json"

    def image_repository(self, kind: ImageKind) -> str:
        """Name the repository of the image of `kind`."""
        return f"{self.project}-{kind}"

    def image_uri(self, kind: ImageKind, tag: str) -> str:
        """Name the image of `kind` whose content is `tag`."""
        registry = f"{self.registry_account}.dkr.ecr.{self.region}.amazonaws.com"
        return f"{registry}/{self.image_repository(kind)}:{tag}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as err:
        raise ConfigurationError(
            "a configuration file is missing",
            where=str(path),
            next_step="run from the project's root, or restore the file from git",
        ) from err
    except json.JSONDecodeError as err:
        raise ConfigurationError(
            f"not valid JSON: {err.msg}",
            where=f"{path}:{err.lineno}:{err.colno}",
            next_step="correct the file; `git diff` shows what changed",
        ) from err
    if not isinstance(content, dict):
        raise ConfigurationError("a JSON object is expected", where=str(path), next_step="wrap it in { }")
    return content


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
            next_step="correct each line above; docs/reference.md lists every key",
        ) from err


def _problem(location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location)
    return f"{key}: {message}" if isinstance(value, dict) else f"{key} = {value!r}: {message}"
