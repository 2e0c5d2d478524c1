"""What CloudFormation knows about one type of resource: create, read, update and delete it."""

import json
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import ClientError

from pipeline.local.cloudformation.comparison import Difference, differences
from pipeline.local.place import Document, Place
from pipeline.local.refusal import unsupported

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


class Kind(ABC):
    """One resource type. `properties` are those it applies; every other one is refused."""

    type: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    # Properties whose change means a new resource (createOnlyProperties of AWS's own schema).
    replacing: ClassVar[frozenset[str]] = frozenset()
    # The property that names the resource, and whether stack tags are added to it.
    name: ClassVar[str] = ""
    tagged: ClassVar[bool] = False
    # Properties that the service never answers, so that nobody can tell whether they are as declared.
    hidden: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def create(self, api: Api, properties: Document) -> str:
        """Create the resource and return what Ref answers."""

    @abstractmethod
    def read(self, api: Api, identifier: str) -> Document | None:
        """Read the properties back from the service; None when the resource is gone."""

    @abstractmethod
    def delete(self, api: Api, identifier: str) -> None:
        """Delete the resource."""

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Change the resource in place."""
        raise unsupported(f"an update of {self.type}")

    def differences(self, declared: Document, actual: Document) -> list[Difference]:
        """Compare what was declared with what the service answers."""
        return differences({name: value for name, value in declared.items() if name not in self.hidden}, actual)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return what GetAtt answers."""
        return {}

    def find(self, api: Api, properties: Document) -> str | None:
        """Return the identifier of a resource of the wanted name that is already there."""
        wanted = str(properties.get(self.name, ""))
        return wanted if self.name and self.read(api, wanted) is not None else None


def is_absent(problem: ClientError) -> bool:
    """Tell "there is no such thing" from every other refusal."""
    error = problem.response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    # SageMaker has no code of its own for it.
    unknown = code == "ValidationException" and any(words in message for words in ("not find", "does not exist"))
    return unknown or "NotFound" in code or "NoSuch" in code or code == "404"


def text(document: object) -> str:
    """Write a policy or another JSON document that an API takes as text."""
    return document if isinstance(document, str) else json.dumps(document)


def parsed(document: object) -> object:
    """Read a JSON document that an API answers as text, URL-encoded or not."""
    if not isinstance(document, str):
        return document
    return json.loads(document if document.lstrip().startswith("{") else urllib.parse.unquote(document))


def lowered(document: object) -> object:
    """Turn PropertyNames into propertyNames, as ECR and Logs spell them."""
    if isinstance(document, list):
        return [lowered(item) for item in document]
    if isinstance(document, dict):
        return {key[:1].lower() + key[1:]: lowered(item) for key, item in document.items()}
    return document


def raised(document: object) -> object:
    """Turn propertyNames into PropertyNames, as CloudFormation spells them."""
    if isinstance(document, list):
        return [raised(item) for item in document]
    if isinstance(document, dict):
        return {key[:1].upper() + key[1:]: raised(item) for key, item in document.items()}
    return document


def present(document: Mapping[str, object], *names: str) -> Document:
    """Return the named members that are there and not empty."""
    return {name: document[name] for name in names if document.get(name) not in (None, "", [], {})}
