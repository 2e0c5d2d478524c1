"""Registered models: the versions of the model package group."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import botocore.exceptions

from sagemaker_gitops.aws.session import is_missing
from sagemaker_gitops.errors import AwsRefused, ModelMissing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import (
        DescribeModelPackageOutputTypeDef,
        MetricsSourceTypeDef,
        ModelPackageModelCardTypeDef,
        ModelPackageSummaryTypeDef,
        UpdateModelPackageInputTypeDef,
    )

Status = Literal["Approved", "PendingManualApproval", "Rejected"]
APPROVED: Status = "Approved"
PENDING: Status = "PendingManualApproval"
REJECTED: Status = "Rejected"

CardStatus = Literal["Approved", "Archived", "Draft", "PendingReview"]
# "Archived" would be for ever: a version that was rejected may be approved after all.
_CARD_STATUS: Mapping[Status, CardStatus] = {APPROVED: "Approved", PENDING: "PendingReview", REJECTED: "Draft"}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What register writes down about a model: one that passed its gates, or one that lost its challenge."""

    fingerprint: str
    image: str
    model_data: str
    metrics_uri: str
    bias_uri: str
    metadata: Mapping[str, str]
    environment: Mapping[str, str]
    # The model card: JSON on one line.
    card: str
    status: Status = PENDING


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """One version in the registry."""

    version: int
    arn: str
    status: Status
    image: str
    model_data: str
    metadata: Mapping[str, str]
    approval: str
    card: str = ""

    @property
    def fingerprint(self) -> str:
        """What determined the model."""
        return self.metadata.get("fingerprint", "")

    @property
    def commit(self) -> str:
        """The commit that registered it."""
        return self.metadata.get("commit", "")

    @property
    def data_version(self) -> str:
        """The data it was trained on."""
        return self.metadata.get("data_version", "")

    @property
    def model_sha256(self) -> str:
        """The artefact's bytes."""
        return self.metadata.get("model_sha256", "")

    @property
    def gates(self) -> str:
        """Whether it passed: "passed", or why not."""
        return self.metadata.get("gates", "")

    @property
    def approved(self) -> bool:
        """Tell whether somebody let it into production."""
        return self.status == APPROVED


class Registry:
    """The model package group of one project."""

    def __init__(self, client: "SageMakerClient", *, group: str, account: str, region: str) -> None:
        self._client = client
        self._group = group
        self._arn = f"arn:aws:sagemaker:{region}:{account}:model-package/{group}"

    def describe(self, version: int) -> RegisteredModel:
        """Read one version."""
        try:
            return _model(self._client.describe_model_package(ModelPackageName=f"{self._arn}/{version}"))
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise
            raise ModelMissing(
                f"there is no version {version}",
                where=f"model package group {self._group}",
                next_step="`pipeline history` lists the versions that served",
            ) from err

    def newest(self) -> Iterator[RegisteredModel]:
        """Walk the versions, newest first."""
        for item in self._summaries():
            yield self.describe(item["ModelPackageVersion"])

    def champion(self, *, besides: str = "") -> RegisteredModel | None:
        """Find the newest approved version; `besides` is a fingerprint that does not count."""
        return next((model for model in self.newest() if model.approved and model.fingerprint != besides), None)

    def versions(self) -> Mapping[str, int]:
        """List every registered version by its description."""
        return {item.get("ModelPackageDescription", ""): item["ModelPackageVersion"] for item in self._summaries()}

    def find(self, fingerprint: str, *, image: str) -> RegisteredModel | None:
        """Find the version that is this model in this serving image."""
        # A listing carries the description but no metadata, so the pair is written into both.
        wanted = description(fingerprint, image)
        for item in self._summaries():
            if item.get("ModelPackageDescription") == wanted:
                return self.describe(item["ModelPackageVersion"])
        return None

    def add(self, candidate: Candidate) -> RegisteredModel:
        """Register a model; it awaits approval unless it is rejected from the start."""
        answer = self._client.create_model_package(
            ModelPackageGroupName=self._group,
            ModelPackageDescription=description(candidate.fingerprint, candidate.image),
            ModelApprovalStatus=candidate.status,
            CustomerMetadataProperties=dict(candidate.metadata),
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": candidate.image,
                        "ModelDataUrl": candidate.model_data,
                        "Environment": dict(candidate.environment),
                    }
                ],
                "SupportedContentTypes": ["application/json", "text/csv", "application/vnd.apache.arrow.stream"],
                "SupportedResponseMIMETypes": ["application/json", "text/csv"],
            },
            ModelMetrics={
                "ModelQuality": {"Statistics": _json(candidate.metrics_uri)},
                "Bias": {"Report": _json(candidate.bias_uri)},
            },
            ModelCard=_card(candidate.card, candidate.status),
        )
        return self.describe(int(answer["ModelPackageArn"].rsplit("/", 1)[1]))

    def decide(self, version: int, *, status: Status, reason: str, card: str = "") -> RegisteredModel:
        """Approve or reject a version, with the decision on its card, and verify that the registry kept the word."""
        model = self.describe(version)
        request: UpdateModelPackageInputTypeDef = {
            "ModelPackageArn": model.arn,
            "ModelApprovalStatus": status,
            "ApprovalDescription": reason,
        }
        if card:
            request["ModelCard"] = {"ModelCardContent": card}
        self._client.update_model_package(**request)
        if card:
            # A card's content and its status are not changed in one call. IAM asks for the decision in either.
            told: ModelPackageModelCardTypeDef = {"ModelCardStatus": _CARD_STATUS[status]}
            self._client.update_model_package(ModelPackageArn=model.arn, ModelApprovalStatus=status, ModelCard=told)
        decided = self.describe(version)
        if decided.status != status:
            raise AwsRefused(
                f"asked for {status}, but the registry says {decided.status}",
                where=model.arn,
                next_step="read the package in SageMaker Studio; somebody else may be deciding",
            )
        return decided

    def annotate(self, version: int, metadata: Mapping[str, str]) -> None:
        """Add metadata to a version; what is already there stays."""
        self._client.update_model_package(
            ModelPackageArn=f"{self._arn}/{version}", CustomerMetadataProperties=dict(metadata)
        )

    def _summaries(self) -> Iterator["ModelPackageSummaryTypeDef"]:
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._group, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            yield from page["ModelPackageSummaryList"]


def description(fingerprint: str, image: str) -> str:
    """Name a model in a serving image as listings of the registry do."""
    return f"fingerprint {fingerprint} in {image.rsplit('/', 1)[-1]}"


def _card(content: str, status: Status) -> "ModelPackageModelCardTypeDef":
    return {"ModelCardContent": content, "ModelCardStatus": _CARD_STATUS[status]}


def _json(uri: str) -> "MetricsSourceTypeDef":
    return {"ContentType": "application/json", "S3Uri": uri}


def _model(answer: "DescribeModelPackageOutputTypeDef") -> RegisteredModel:
    container = answer["InferenceSpecification"]["Containers"][0]
    return RegisteredModel(
        version=answer["ModelPackageVersion"],
        arn=answer["ModelPackageArn"],
        status=answer["ModelApprovalStatus"],
        image=container.get("Image", ""),
        model_data=container.get("ModelDataUrl", ""),
        metadata=answer.get("CustomerMetadataProperties", {}),
        approval=answer.get("ApprovalDescription", ""),
        card=answer.get("ModelCard", {}).get("ModelCardContent", ""),
    )
