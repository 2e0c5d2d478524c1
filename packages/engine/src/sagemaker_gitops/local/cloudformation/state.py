"""Stacks and change sets as they are kept between calls."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

from sagemaker_gitops.local.cloudformation.intrinsics import Physical
from sagemaker_gitops.local.cloudformation.template import refused
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.persistence import Store

_STACK, _CHANGE_SET = "cloudformation-stack", "cloudformation-change-set"


@dataclass(frozen=True, kw_only=True)
class AppliedResource:
    """One resource of a stack, as it was applied."""

    logical_id: str
    type: str
    identifier: str
    properties: Document
    attributes: dict[str, str]
    deletion_policy: str
    references: list[str]
    status: str
    time: float

    @property
    def physical(self) -> Physical:
        """Return what Ref and GetAtt answer."""
        return Physical(identifier=self.identifier, attributes=self.attributes)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack with its resources in the order of their creation."""

    name: str
    id: str
    status: str
    created: float
    reason: str = ""
    updated: float | None = None
    deleted: float | None = None
    description: str = ""
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    resources: dict[str, AppliedResource] = field(default_factory=dict)
    events: list[Document] = field(default_factory=list)

    def event(self, subject: AppliedResource | None, *, status: str, reason: str = "") -> "Stack":
        """Return the stack with one more event: of a resource, or of the stack itself."""
        entry = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": str(uuid.uuid4()),
            "LogicalResourceId": subject.logical_id if subject else self.name,
            "PhysicalResourceId": subject.identifier if subject else self.id,
            "ResourceType": subject.type if subject else "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "ResourceStatusReason": reason or None,
            "Timestamp": time.time(),
        }
        return replace(self, events=[*self.events, entry])

    def moved(self, status: str, reason: str = "") -> "Stack":
        """Return the stack in another state."""
        return replace(self, status=status, reason=reason).event(None, status=status, reason=reason)

    def holding(self, made: AppliedResource) -> "Stack":
        """Return the stack with a resource added or replaced."""
        kept = {**self.resources, made.logical_id: made}
        return replace(self, resources=kept).event(made, status=made.status)

    def without(self, made: AppliedResource, status: str) -> "Stack":
        """Return the stack without a resource."""
        kept = {name: item for name, item in self.resources.items() if name != made.logical_id}
        return replace(self, resources=kept).event(made, status=status)


class Stacks:
    """Every stack and change set of the local AWS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, place: Place, name: str) -> Stack | None:
        """Find a stack by name, or by ID even after its deletion."""
        document = self._store.find(place, _STACK, name if name.startswith("arn:") else self._id(place, name))
        return _stack(document) if document else None

    def require(self, place: Place, name: str) -> Stack:
        """Find a stack, or refuse as CloudFormation does."""
        if stack := self.find(place, name):
            return stack
        raise refused(f"Stack with id {name} does not exist")

    def save(self, place: Place, stack: Stack) -> Stack:
        """Keep a stack."""
        self._store.put(place, _STACK, stack.id, asdict(stack))
        return stack

    def live(self, place: Place) -> Iterator[Stack]:
        """Walk the stacks that are not deleted."""
        for document in self._store.all(place, _STACK):
            if document["status"] != "DELETE_COMPLETE":
                yield _stack(document)

    def save_change_set(self, place: Place, document: Document) -> None:
        """Keep a change set."""
        self._store.put(place, _CHANGE_SET, document["ChangeSetId"], document)

    def change_set(self, place: Place, name: str, stack: str | None) -> Document:
        """Find a change set by its ARN, or by its name and its stack's."""
        for document in self._store.all(place, _CHANGE_SET):
            named = name == document["ChangeSetName"] and stack in {document["StackName"], document["StackId"]}
            if name == document["ChangeSetId"] or named:
                return document
        raise refused(f"ChangeSet [{name}] does not exist")

    def forget_change_set(self, place: Place, document: Document) -> None:
        """Drop a change set."""
        self._store.remove(place, _CHANGE_SET, document["ChangeSetId"])

    def _id(self, place: Place, name: str) -> str:
        return next((stack.id for stack in self.live(place) if stack.name == name), "")


def _stack(document: Document) -> Stack:
    made = {name: AppliedResource(**item) for name, item in document["resources"].items()}
    return Stack(**{**document, "resources": made})
