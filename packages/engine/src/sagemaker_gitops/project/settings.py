"""What a stage needs to know: the configuration of one environment, and the names that follow from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sagemaker_gitops.project.config import (
    Approval,
    Aws,
    EnvironmentFile,
    Project,
    Section,
    Serving,
    Training,
    read_environment,
    read_freeze,
    read_project,
)
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.project.environments import Environment, ImageKind
from sagemaker_gitops.project.experiments_config import ExperimentsConfig
from sagemaker_gitops.project.freeze import Freeze
from sagemaker_gitops.project.monitor_config import MonitorConfig
from sagemaker_gitops.project.retrain_config import RetrainConfig


class Settings(Section):
    """Everything a stage needs to know, with the names that follow from it."""

    root: Path
    env: Environment
    project_file: Project
    environment_file: EnvironmentFile
    freeze: Freeze = Freeze()

    @classmethod
    def load(cls, root: Path, env: Environment, environ: Mapping[str, str]) -> Self:
        """Read and validate the configuration of `env` in the checkout at `root`."""
        folder = root / "infra" / "config"
        return cls(
            root=root,
            env=env,
            project_file=read_project(folder),
            environment_file=read_environment(folder, env, environ),
            freeze=read_freeze(folder),
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
    def retrain(self) -> RetrainConfig:
        """What a challenger must show before it may replace the champion."""
        return self.environment_file.retrain

    @property
    def experiments(self) -> ExperimentsConfig | None:
        """Where runs are logged; nowhere if None."""
        return self.environment_file.experiments

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
    def registry_key(self) -> str:
        """The key that models are encrypted with, which every environment's account may use."""
        return f"arn:aws:kms:{self.region}:{self.registry_account}:alias/{self.project}-shared"

    @property
    def environment_key(self) -> str:
        """The key of the environment's own data."""
        return f"arn:aws:kms:{self.region}:{self.account}:alias/{self.project}-{self.env}"

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
    def features_bucket(self) -> str:
        """The history of features, and what was ingested when."""
        return f"{self.project}-features-{self.env}-{self.account}"

    @property
    def active_table(self) -> str:
        """Which release serves, for callers that ask often."""
        return f"{self.project}-active-{self.env}"

    @property
    def training_role_arn(self) -> str:
        """The role that a training container runs under."""
        return f"arn:aws:iam::{self.registry_account}:role/{self.project}-training"

    @property
    def inference_role_arn(self) -> str:
        """The role that a serving container runs under."""
        return f"arn:aws:iam::{self.account}:role/{self.project}-inference-{self.env}"

    @property
    def orchestration_role_arn(self) -> str:
        """The role that SageMaker Pipelines carries the steps out under."""
        return f"arn:aws:iam::{self.registry_account}:role/{self.project}-orchestration"

    @property
    def monitoring_role_arn(self) -> str:
        """The role that a processing job of the monitor runs under."""
        return f"arn:aws:iam::{self.account}:role/{self.project}-monitoring-{self.env}"

    def training_job_name(self, fingerprint: str) -> str:
        """Name the training job of a fingerprint, so that a second run finds the first."""
        return f"{self.project}-{fingerprint[:12]}"

    @property
    def tuning_prefix(self) -> str:
        """What the names of tuning jobs begin with: SageMaker allows them 32 characters."""
        return self.project[:20].rstrip("-")

    def tuning_job_name(self, search: str) -> str:
        """Name the tuning job of a search, so that a second run finds the first."""
        return f"{self.tuning_prefix}-{search[:8]}"

    def record_uri(self, training_job: str) -> str:
        """Where the hash of a training job's artefact is kept."""
        return f"s3://{self.artifact_bucket}/records/{training_job}.json"

    def adopted_uri(self, fingerprint: str) -> str:
        """Where the name of a fingerprint's training job is kept that SageMaker Pipelines named."""
        return f"s3://{self.artifact_bucket}/records/{fingerprint}.orchestrated.json"

    def checkpoint_uri(self, fingerprint: str) -> str:
        """Where a training job on spot capacity saves what it would otherwise lose."""
        return f"s3://{self.artifact_bucket}/models/{self.training_job_name(fingerprint)}/checkpoints"

    def experiment_record_uri(self, fingerprint: str, place: str) -> str:
        """Where it is kept which run of a tracking server is a fingerprint's."""
        return f"s3://{self.artifact_bucket}/records/{fingerprint}.{place}.run.json"

    def image_record_uri(self, image_tag: str) -> str:
        """Where the hashes of a registered serving image's files are kept."""
        return f"s3://{self.artifact_bucket}/images/{image_tag}.json"

    def gate_report_uri(self, fingerprint: str, image_tag: str) -> str:
        """Where the gates' verdict on a model in a serving image is kept."""
        return f"s3://{self.artifact_bucket}/gates/{fingerprint}/{image_tag}.json"

    def sbom_uri(self, fingerprint: str, image_tag: str, subject: str) -> str:
        """Where a bill of materials is kept, beside the verdict on the same model and image."""
        return f"s3://{self.artifact_bucket}/gates/{fingerprint}/{image_tag}.{subject}.cdx.json"

    def provenance_uri(self, fingerprint: str, model_sha256: str) -> str:
        """Where the signed build provenance of a model's bytes is kept, beside the verdicts on it."""
        return f"s3://{self.artifact_bucket}/gates/{fingerprint}/{model_sha256}.provenance.jsonl"

    def challenge_uri(self, fingerprint: str, image_tag: str) -> str:
        """Where the comparison of a retrained model with the champion is kept."""
        return f"s3://{self.artifact_bucket}/gates/{fingerprint}/{image_tag}.challenge.json"

    def image_repository(self, kind: ImageKind) -> str:
        """Name the repository of the image of `kind`."""
        return f"{self.project}-{kind}"

    def image_uri(self, kind: ImageKind, tag: str) -> str:
        """Name the image of `kind` whose content is `tag`."""
        registry = f"{self.registry_account}.dkr.ecr.{self.region}.amazonaws.com"
        return f"{registry}/{self.image_repository(kind)}:{tag}"
