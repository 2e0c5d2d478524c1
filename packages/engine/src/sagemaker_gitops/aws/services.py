"""Every AWS service that a stage may touch, opened on first use."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sagemaker_gitops.aws.captures import Captures
from sagemaker_gitops.aws.cloudwatch import Alarms, Dashboards, Metrics
from sagemaker_gitops.aws.endpoints import Endpoints, Models
from sagemaker_gitops.aws.features import Features
from sagemaker_gitops.aws.images import Images
from sagemaker_gitops.aws.invocations import Invocations
from sagemaker_gitops.aws.lease import Lease
from sagemaker_gitops.aws.ledger import Ledger
from sagemaker_gitops.aws.monitoring import Monitoring
from sagemaker_gitops.aws.orchestration import Orchestration
from sagemaker_gitops.aws.pointers import Pointers
from sagemaker_gitops.aws.processing import Processing
from sagemaker_gitops.aws.records import Records
from sagemaker_gitops.aws.registry import Registry
from sagemaker_gitops.aws.remains import Remains
from sagemaker_gitops.aws.scaling import Scaling
from sagemaker_gitops.aws.schedules import Schedules
from sagemaker_gitops.aws.session import surroundings
from sagemaker_gitops.aws.stacks import Stacks
from sagemaker_gitops.aws.storage import Storage
from sagemaker_gitops.aws.training import Training
from sagemaker_gitops.aws.tuning import Tuning

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, kw_only=True)
class Places:
    """The names and accounts that the services are opened on."""

    region: str
    account: str
    registry_account: str
    env: str
    model_group: str
    ledger_table: str
    ledger_bucket: str
    lease_table: str
    active_table: str
    capture_bucket: str
    environment_key: str
    poll_seconds: float


class Aws:
    """The services of one environment."""

    def __init__(self, session: "boto3.Session", places: Places) -> None:
        self._session = session
        self._places = places

    @cached_property
    def storage(self) -> Storage:
        """Objects in S3."""
        return Storage(self._session.client("s3"))

    @cached_property
    def images(self) -> Images:
        """Container images."""
        return Images(self._session.client("ecr"), account=self._places.registry_account)

    @cached_property
    def training(self) -> Training:
        """Training jobs."""
        client = self._session.client("sagemaker")
        return Training(client, poll_seconds=self._places.poll_seconds)

    @cached_property
    def tuning(self) -> Tuning:
        """Tuning jobs."""
        return Tuning(self._session.client("sagemaker"), poll_seconds=self._places.poll_seconds)

    @cached_property
    def orchestration(self) -> Orchestration:
        """SageMaker Pipelines."""
        client = self._session.client("sagemaker")
        return Orchestration(client, poll_seconds=self._places.poll_seconds)

    @cached_property
    def processing(self) -> Processing:
        """Processing jobs."""
        client = self._session.client("sagemaker")
        return Processing(client, poll_seconds=self._places.poll_seconds)

    @cached_property
    def schedules(self) -> Schedules:
        """Model Monitor's schedules."""
        return Schedules(self._session.client("sagemaker"))

    @cached_property
    def registry(self) -> Registry:
        """Registered models."""
        return Registry(
            self._session.client("sagemaker"),
            group=self._places.model_group,
            account=self._places.registry_account,
            region=self._places.region,
        )

    @cached_property
    def models(self) -> Models:
        """What variants run."""
        return Models(self._session.client("sagemaker"))

    @cached_property
    def endpoints(self) -> Endpoints:
        """Endpoints and their traffic."""
        return Endpoints(
            self._session.client("sagemaker"),
            self.scaling,
            capture_bucket=self._places.capture_bucket,
            capture_key=self._places.environment_key,
            poll_seconds=self._places.poll_seconds,
        )

    @cached_property
    def scaling(self) -> Scaling:
        """How many instances a variant has."""
        return Scaling(self._session.client("application-autoscaling"))

    @cached_property
    def invocations(self) -> Invocations:
        """Requests of our own to an endpoint."""
        return Invocations(self._session.client("sagemaker-runtime"))

    @cached_property
    def features(self) -> Features:
        """The model's inputs by id."""
        return Features(
            self._session.client("sagemaker"),
            self._session.client("sagemaker-featurestore-runtime"),
            self._session.client("s3"),
        )

    @cached_property
    def metrics(self) -> Metrics:
        """What CloudWatch counted."""
        return Metrics(self._session.client("cloudwatch"))

    @cached_property
    def alarms(self) -> Alarms:
        """Alarms on variants."""
        return Alarms(self._session.client("cloudwatch"))

    @cached_property
    def dashboards(self) -> Dashboards:
        """What people look at."""
        return Dashboards(self._session.client("cloudwatch"))

    @cached_property
    def captures(self) -> Captures:
        """What was asked and answered."""
        return Captures(self._session.client("s3"), bucket=self._places.capture_bucket)

    @cached_property
    def monitoring(self) -> Monitoring:
        """Captured traffic in, findings out."""
        return Monitoring(
            self._session.client("s3"),
            self._session.client("cloudwatch"),
            self._session.client("events"),
            bucket=self._places.capture_bucket,
        )

    @cached_property
    def records(self) -> Records:
        """What the containers logged about each request."""
        return Records(self._session.client("logs"))

    @cached_property
    def lease(self) -> Lease:
        """Who may change the endpoint."""
        return Lease(self._session.client("dynamodb"), table=self._places.lease_table)

    @cached_property
    def pointers(self) -> Pointers:
        """Where callers read which release serves."""
        return Pointers(self._session.client("dynamodb"), table=self._places.active_table)

    @cached_property
    def ledger(self) -> Ledger:
        """What served when, and why."""
        return Ledger(
            self._session.client("dynamodb"),
            self._session.client("s3"),
            environment=self._places.env,
            table=self._places.ledger_table,
            bucket=self._places.ledger_bucket,
            lease_table=self._places.lease_table,
        )

    @cached_property
    def stacks(self) -> Stacks:
        """CloudFormation's stacks."""
        client, kms = self._session.client("cloudformation"), self._session.client("kms")
        return Stacks(client, kms, poll_seconds=self._places.poll_seconds)

    @cached_property
    def remains(self) -> Remains:
        """What stands beside the stacks."""
        return Remains(self._session, poll_seconds=self._places.poll_seconds)

    def subscribers(self, topic: str) -> int:
        """Count who is told what a topic tells."""
        pages = self._session.client("sns").get_paginator("list_subscriptions_by_topic")
        return sum(len(page["Subscriptions"]) for page in pages.paginate(TopicArn=topic))

    def oidc_audiences(self, host: str) -> tuple[str, ...] | None:
        """Tell for whom the account takes tokens of an OIDC provider; None when it does not know the provider."""
        iam = self._session.client("iam")
        listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        arn = next((item["Arn"] for item in listed if item["Arn"].endswith(f":oidc-provider/{host}")), None)
        return tuple(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"]) if arn else None

    def api_gateway_log_role(self) -> str:
        """Name the role that API Gateway writes logs as in this account and region; empty where there is none."""
        role: str = self._session.client("apigateway").get_account().get("cloudwatchRoleArn", "")
        return role.rpartition("/")[2]

    def surroundings(self) -> dict[str, str]:
        """Return the variables that make a child process the same caller."""
        return surroundings(self._session)

    def account(self) -> str:
        """Say which account the credentials belong to."""
        return self._session.client("sts").get_caller_identity()["Account"]

    def caller(self) -> str:
        """Say who is calling, as AWS sees it."""
        return self._session.client("sts").get_caller_identity()["Arn"]
