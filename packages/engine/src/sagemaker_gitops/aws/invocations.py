"""Requests of our own to one variant of an endpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

# Our own requests are no callers' traffic: whoever counts predictions leaves these out.
VERIFICATION_PREFIX = "verification-"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a variant answered: the container's status, its body, and the attributes it sent along."""

    status: int
    body: str
    attributes: Mapping[str, str]


class Invocations:
    """The data plane."""

    def __init__(self, client: "SageMakerRuntimeClient") -> None:
        self._client = client

    @aws_errors()
    def ask(self, endpoint: str, variant: str, body: str) -> Answer:
        """Send a JSON request to one variant; a container's error is an answer too."""
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=endpoint,
                TargetVariant=variant,
                ContentType="application/json",
                Accept="application/json",
                InferenceId=f"{VERIFICATION_PREFIX}{variant}",
                Body=body.encode(),
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) != "ModelError":
                raise
            return _model_error(err.response)
        attributes = attributes_of(answer.get("CustomAttributes", ""))
        return Answer(status=200, body=answer["Body"].read().decode(), attributes=attributes)


def attributes_of(header: str) -> dict[str, str]:
    """Read `name=value;name=value`."""
    pairs = (part.split("=", 1) for part in header.split(";") if "=" in part)
    return {name.strip(): value.strip() for name, value in pairs}


def _model_error(response: Mapping[str, Any]) -> Answer:
    message = str(response.get("OriginalMessage") or json.dumps(response.get("Error", {})))
    return Answer(status=int(response.get("OriginalStatusCode", 500)), body=message, attributes={})
