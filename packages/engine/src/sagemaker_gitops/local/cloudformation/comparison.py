"""What was declared against what the service answers, property by property."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sagemaker_gitops.local.server.context import Document


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
