"""CloudFormation's answers as plain values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, StackResourceDriftTypeDef


@dataclass(frozen=True, kw_only=True)
class StackRequest:
    """A stack as it should be."""

    name: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would happen to one resource."""

    action: str
    logical_id: str
    type: str
    replacement: bool
    properties: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """Changes to one stack, ready to be executed."""

    id: str
    stack: str
    stack_id: str
    creates: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A resource of a stack, by the name that its service knows."""

    logical_id: str
    type: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One property, or a whole resource, that is not as its stack declares."""

    stack: str
    logical_id: str
    type: str
    path: str
    expected: str
    actual: str


def change_of(item: "ChangeTypeDef") -> Change:
    """Read one change of a change set."""
    change = item["ResourceChange"]
    names = (detail["Target"].get("Name", detail["Target"]["Attribute"]) for detail in change.get("Details", []))
    return Change(
        action=change["Action"],
        logical_id=change["LogicalResourceId"],
        type=change["ResourceType"],
        replacement=change.get("Replacement", "False") != "False",
        properties=tuple(dict.fromkeys(names)),
    )


def drifts_of(stack: str, item: "StackResourceDriftTypeDef") -> Iterator[Drift]:
    """Read what differs on one resource."""
    where = {"stack": stack, "logical_id": item["LogicalResourceId"], "type": item["ResourceType"]}
    if item["StackResourceDriftStatus"] == "DELETED":
        yield Drift(**where, path="", expected="exists", actual="deleted")
    for found in item.get("PropertyDifferences", []):
        yield Drift(**where, path=found["PropertyPath"], expected=found["ExpectedValue"], actual=found["ActualValue"])
