"""Executing a change set: each resource applied, read back, and rolled back when a later one fails."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudformation.changes import Change, declared, kind_of
from sagemaker_gitops.local.cloudformation.intrinsics import Evaluator, Physical, resolve_secrets
from sagemaker_gitops.local.cloudformation.state import AppliedResource, Stack
from sagemaker_gitops.local.cloudformation.template import Resource, Template
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, Refusal

Save = Callable[[Stack], Stack]


class ResourceFailed(Exception):
    """A resource could not be made as declared."""

    def __init__(self, logical_id: str, reason: str) -> None:
        super().__init__(f"{logical_id}: {reason}")


class Execution:
    """One run of a change set over one stack."""

    def __init__(
        self,
        api: Api,
        stack: Stack,
        template: Template,
        *,
        values: Mapping[str, object],
        tags: Mapping[str, str],
        save: Save,
    ) -> None:
        self._api = api
        self._template = template
        self._tags = tags
        self._save = save
        self._undo: list[Callable[[], None]] = []
        self._replaced: list[AppliedResource] = []
        self.stack = stack
        self._evaluator = Evaluator(template, values, self._lookup)

    def apply(self, changes: list[Change]) -> None:
        """Make every change but the removals."""
        for change in changes:
            if change.action == "Remove" or change.resource is None:
                continue
            try:
                self._apply(change, change.resource)
            except (ClientError, BotoCoreError, Refusal) as problem:
                raise ResourceFailed(change.logical_id, str(problem)) from problem

    def outputs(self) -> dict[str, str]:
        """Evaluate the template's outputs."""
        return {
            name: str(self._evaluator.value(output["Value"]))
            for name, output in self._template.outputs.items()
            if self._evaluator.condition(output.get("Condition"))
        }

    def clean_up(self, changes: list[Change]) -> None:
        """Remove what the template has no more, and what was replaced."""
        for made in self._replaced:
            remove(self._api, made)
        for change in changes:
            if change.action == "Remove" and change.made:
                status = remove(self._api, change.made)
                self._keep(self.stack.without(change.made, status))

    def roll_back(self) -> list[str]:
        """Undo, latest first; return what could not be undone."""
        failures = []
        for undo in reversed(self._undo):
            try:
                undo()
            except (ClientError, BotoCoreError, Refusal) as problem:
                failures.append(str(problem))
        return failures

    def _apply(self, change: Change, resource: Resource) -> None:
        kind = kind_of(resource.type)
        properties = self._named(resource, declared(resource, self._evaluator, self._tags))
        found = kind.find(self._api, properties) if change.action == "Import" else None
        if change.made and not change.replacement:
            identifier = change.made.identifier
            self._modify(change.made, properties)
        elif found:
            identifier = found
            before = kind.read(self._api, identifier) or {}
            kind.update(self._api, identifier, before=before, after=resolve_secrets(self._api, properties))
        else:
            identifier = kind.create(self._api, resolve_secrets(self._api, properties))
        self._settle(change, resource, identifier=identifier, properties=properties)

    def _modify(self, made: AppliedResource, properties: Document) -> None:
        kind, before = kind_of(made.type), made.properties

        def undo() -> None:
            kind.update(self._api, made.identifier, before=properties, after=resolve_secrets(self._api, before))
            self._keep(self.stack.holding(made))

        self._undo.append(undo)
        if before != properties:
            kind.update(self._api, made.identifier, before=before, after=resolve_secrets(self._api, properties))

    def _settle(self, change: Change, resource: Resource, *, identifier: str, properties: Document) -> None:
        kind = kind_of(resource.type)
        verb = {"Add": "CREATE", "Import": "IMPORT"}.get(change.action, "UPDATE")
        made = AppliedResource(
            logical_id=resource.logical_id,
            type=resource.type,
            identifier=identifier,
            properties=properties,
            attributes=dict(kind.attributes(self._api, identifier)),
            deletion_policy=resource.deletion_policy,
            references=sorted(resource.references),
            status=f"{verb}_COMPLETE",
            time=time.time(),
        )
        if change.made and change.replacement:
            self._replaced.append(replace(change.made, deletion_policy=resource.replace_policy))
        if change.action == "Add" or change.replacement:
            self._undo.append(lambda: self._unmake(made))
        if wrong := kind.differences(properties, kind.read(self._api, identifier) or {}):
            first = wrong[0]
            raise ResourceFailed(
                resource.logical_id,
                f"{first.path} was declared as {first.expected or 'absent'}, "
                f"but the service answers {first.actual or 'nothing'}",
            )
        self._keep(self.stack.holding(made))

    def _unmake(self, made: AppliedResource) -> None:
        if made.deletion_policy != "Retain":
            kind_of(made.type).delete(self._api, made.identifier)
        self._keep(self.stack.without(made, "DELETE_COMPLETE"))

    def _named(self, resource: Resource, properties: Document) -> Document:
        name = kind_of(resource.type).name
        if not name or name in properties:
            return properties
        unique = hashlib.sha256(f"{self.stack.id}{resource.logical_id}".encode()).hexdigest()[:12]
        return {**properties, name: f"{self.stack.name}-{resource.logical_id}-{unique}"}

    def _lookup(self, name: str) -> Physical | None:
        made = self.stack.resources.get(name)
        return made.physical if made else None

    def _keep(self, stack: Stack) -> None:
        self.stack = self._save(stack)


def remove(api: Api, made: AppliedResource) -> str:
    """Delete a resource unless its policy keeps it; one that is gone already counts as deleted."""
    if made.deletion_policy.startswith("Retain"):
        return "DELETE_SKIPPED"
    kind = kind_of(made.type)
    if kind.read(api, made.identifier) is not None:
        kind.delete(api, made.identifier)
    return "DELETE_COMPLETE"


_LOG = logging.getLogger(__name__)


class StackDeployment:
    """Creates or updates a stack, all of it or nothing."""

    def __init__(
        self, execution: Execution, changes: list[Change], *, before: Stack, save: Save, discard: bool
    ) -> None:
        self._execution = execution
        self._changes = changes
        self._before = before
        self._save = save
        self._discard = discard
        self._fresh = not before.template

    def run(self) -> None:
        """Apply every change; undo all when one fails."""
        try:
            self._execution.apply(self._changes)
        except ResourceFailed as problem:
            self._roll_back(str(problem))
        except Exception as problem:  # noqa: BLE001 - the stack must not stay in progress for ever
            _LOG.exception("stack %s", self._before.name)
            self._roll_back(f"Internal error: {problem}")
        else:
            self._finish()

    def _finish(self) -> None:
        execution = self._execution
        execution.stack = self._save(replace(execution.stack, outputs=execution.outputs(), updated=time.time()))
        try:
            execution.clean_up(self._changes)
        except (ClientError, BotoCoreError, Refusal) as problem:
            # As on AWS: what could not be removed stays behind, and the events say so.
            execution.stack = execution.stack.event(None, status="UPDATE_COMPLETE", reason=f"left behind: {problem}")
        self._save(execution.stack.moved("CREATE_COMPLETE" if self._fresh else "UPDATE_COMPLETE"))

    def _roll_back(self, reason: str) -> None:
        verb = "ROLLBACK" if self._fresh else "UPDATE_ROLLBACK"
        execution = self._execution
        execution.stack = self._save(execution.stack.moved(f"{verb}_IN_PROGRESS", reason))
        failures = execution.roll_back()
        if failures:
            self._save(execution.stack.moved(f"{verb}_FAILED", "; ".join(failures)))
        elif self._fresh:
            ended = "DELETE_COMPLETE" if self._discard else "ROLLBACK_COMPLETE"
            self._save(replace(execution.stack, deleted=time.time()).moved(ended))
        else:
            old = replace(self._before, resources=execution.stack.resources, events=execution.stack.events)
            self._save(old.moved(f"{verb}_COMPLETE"))


class StackDeletion:
    """Deletes a stack, latest resource first."""

    def __init__(self, api: Api, stack: Stack, save: Save) -> None:
        self._api = api
        self._stack = stack
        self._save = save

    def run(self) -> None:
        """Delete every resource that its policy does not keep."""
        for made in reversed(list(self._stack.resources.values())):
            try:
                status = remove(self._api, made)
            except (ClientError, BotoCoreError, Refusal) as problem:
                failed = self._stack.event(made, status="DELETE_FAILED", reason=str(problem))
                reason = f"The following resource(s) failed to delete: [{made.logical_id}]."
                self._save(failed.moved("DELETE_FAILED", reason))
                return
            self._stack = self._save(self._stack.without(made, status))
        self._save(replace(self._stack, deleted=time.time()).moved("DELETE_COMPLETE"))
