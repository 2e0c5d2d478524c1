"""What CloudFormation knows about one type of resource: create, read, update and delete it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sagemaker_gitops.local.cloudformation.comparison import Difference, differences
from sagemaker_gitops.local.server.api import Api
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import unsupported


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


def text(document: object) -> str:
    """Write a policy or another JSON document that an API takes as text."""
    return document if isinstance(document, str) else json.dumps(document)


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
