"""The plane's own calls to any service of a place, by name: documents in, documents out."""

import json
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place

if TYPE_CHECKING:
    from botocore.client import BaseClient


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
            if is_absent(problem):
                return None
            raise

    def every(self, service: str, operation: str, key: str, **parameters: object) -> list[Document]:
        """Read all pages of a list."""
        pages = self._client(service).get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page.get(key, [])]


def api(clients: Clients, place: Place) -> Api:
    """Return the services of a place."""
    return Api(place, lambda service: clients.of(service, place))


def is_absent(problem: ClientError) -> bool:
    """Tell "there is no such thing" from every other refusal."""
    error = problem.response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    # SageMaker has no code of its own for it.
    unknown = code == "ValidationException" and any(words in message for words in ("not find", "does not exist"))
    return unknown or "NotFound" in code or "NoSuch" in code or code == "404"


def parsed(document: object) -> object:
    """Read a JSON document that an API answers as text, URL-encoded or not."""
    if not isinstance(document, str):
        return document
    return json.loads(document if document.lstrip().startswith("{") else urllib.parse.unquote(document))
