"""The embedded AWS's own boto3 clients, which act inside an account and region."""

import json
import threading
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_gitops.local.server.context import Document, Place

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.client import BaseClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

ACCOUNT_HEADER = "x-moto-account-id"
INTERNAL_HEADER = "x-local-aws-internal"


class Clients:
    """One client for each service and place, created once."""

    def __init__(self, endpoint_url: str, token: str) -> None:
        self._endpoint_url = endpoint_url
        self._token = token
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, Place], BaseClient] = {}
        self._session = boto3.Session(aws_access_key_id="internal", aws_secret_access_key="internal")  # noqa: S106

    def ecr(self, place: Place) -> "ECRClient":
        """Return the ECR client of a place."""
        return self.of("ecr", place)  # type: ignore[return-value]

    def s3(self, place: Place) -> "S3Client":
        """Return the S3 client of a place."""
        return self.of("s3", place)  # type: ignore[return-value]

    def iam(self, place: Place) -> "IAMClient":
        """Return the IAM client of a place."""
        return self.of("iam", place)  # type: ignore[return-value]

    def sts(self, place: Place) -> "STSClient":
        """Return the STS client of a place."""
        return self.of("sts", place)  # type: ignore[return-value]

    def sns(self, place: Place) -> "SNSClient":
        """Return the SNS client of a place."""
        return self.of("sns", place)  # type: ignore[return-value]

    def logs(self, place: Place) -> "CloudWatchLogsClient":
        """Return the CloudWatch Logs client of a place."""
        return self.of("logs", place)  # type: ignore[return-value]

    def events(self, place: Place) -> "EventBridgeClient":
        """Return the EventBridge client of a place."""
        return self.of("events", place)  # type: ignore[return-value]

    def cloudwatch(self, place: Place) -> "CloudWatchClient":
        """Return the CloudWatch client of a place."""
        return self.of("cloudwatch", place)  # type: ignore[return-value]

    def of(self, service: str, place: Place) -> "BaseClient":
        """Return the client of any service of a place."""
        with self._lock:
            key = (service, place)
            if key not in self._clients:
                self._clients[key] = self._create(service, place)
            return self._clients[key]

    def _create(self, service: str, place: Place) -> "BaseClient":
        client: BaseClient = self._session.client(  # type: ignore[call-overload]
            service,
            region_name=place.region,
            endpoint_url=self._endpoint_url,
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32, s3={"addressing_style": "path"}),
        )

        def add_headers(request: "AWSRequest", **_: object) -> None:
            request.headers[ACCOUNT_HEADER] = place.account
            request.headers[INTERNAL_HEADER] = self._token

        client.meta.events.register("before-sign", add_headers)
        return client


class Api:
    """The services of one place, called by name."""

    def __init__(self, place: Place, client: Callable[[str], "BaseClient"]) -> None:
        self.place = place
        self._client = client

    def call(self, service: str, operation: str, **parameters: object) -> Document:
        """Call an operation."""
        answer: Document = getattr(self._client(service), operation)(**parameters)
        return answer

    def find(self, service: str, operation: str, **parameters: object) -> Document | None:
        """Call an operation that reads; None when there is no such thing."""
        try:
            return self.call(service, operation, **parameters)
        except ClientError as problem:
            if is_not_found(problem):
                return None
            raise

    def every(self, service: str, operation: str, key: str, **parameters: object) -> list[Document]:
        """Read all pages of a list."""
        pages = self._client(service).get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page.get(key, [])]


def api(clients: Clients, place: Place) -> Api:
    """Return the services of a place."""
    return Api(place, lambda service: clients.of(service, place))


def is_not_found(problem: ClientError) -> bool:
    """Tell "there is no such thing" from every other refusal."""
    error = problem.response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    # SageMaker has no code of its own for it.
    unknown = code == "ValidationException" and any(words in message for words in ("not find", "does not exist"))
    return unknown or "NotFound" in code or "NoSuch" in code or code == "404"


def parse_document(document: object) -> object:
    """Read a JSON document that an API answers as text, URL-encoded or not."""
    if not isinstance(document, str):
        return document
    return json.loads(document if document.lstrip().startswith("{") else urllib.parse.unquote(document))
