"""One resource type: create, read, update, delete, and the comparison of what was declared with what is there."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property that is not as declared."""

    path: str
    expected: str
    actual: str

    @property
    def type(self) -> str:
        """Name the difference as CloudFormation does."""
        if not self.actual:
            return "REMOVE"
        return "NOT_EQUAL" if self.expected else "ADD"


def differences(expected: Document, actual: Document) -> list[Difference]:
    """Compare the declared properties, and only those, as CloudFormation's drift detection does."""
    return [found for name in sorted(expected) for found in _compare(f"/{name}", expected[name], actual.get(name))]


def canonical(value: object) -> object:
    """Bring a value into the form in which equal means equal: order of lists and spelling of scalars aside."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return sorted((canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: str) -> object:
    """Take a text that is JSON as what it says; a template of an event only looks like it."""
    if not value.lstrip().startswith("{"):
        return value
    try:
        return canonical(json.loads(value))
    except ValueError:
        return value


def _compare(path: str, expected: object, actual: object) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted({*expected, *actual}):
            yield from _compare(f"{path}/{key}", expected.get(key), actual.get(key))
    elif canonical(_listed(expected)) != canonical(_listed(actual)):
        yield Difference(path=path, expected=_shown(expected), actual=_shown(actual))


def _listed(value: object) -> object:
    # A policy may write one action, principal or statement without its list.
    return value if isinstance(value, list | dict) or value is None else [value]


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


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

    def as_reported(self, api: Api, actual: Document) -> Document:
        """Return properties as drift detection tells them, where the service spells them otherwise than a template."""
        return actual

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
