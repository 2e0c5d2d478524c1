"""What a new template means for a stack: resources to add, adopt, modify, replace, remove."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sagemaker_gitops.local.cloudformation.intrinsics import Evaluator, Physical
from sagemaker_gitops.local.cloudformation.kinds import KINDS
from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, canonical
from sagemaker_gitops.local.cloudformation.state import AppliedResource, Stack
from sagemaker_gitops.local.cloudformation.template import Resource, Template, ordered, refused
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported

Action = Literal["Add", "Import", "Modify", "Remove"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step from the stack as it is to the stack as declared."""

    action: Action
    logical_id: str
    type: str
    resource: Resource | None = None
    made: AppliedResource | None = None
    replacement: bool = False
    properties: tuple[str, ...] = ()

    def described(self) -> Document:
        """Return the change in the words of DescribeChangeSet."""
        scope = sorted({"Tags" if name == "Tags" else "Properties" for name in self.properties})
        recreated = {name: name in KINDS[self.type].replacing for name in self.properties}
        details = [
            {
                "Target": {
                    "Attribute": "Tags" if name == "Tags" else "Properties",
                    "Name": name,
                    "RequiresRecreation": "Always" if recreated[name] else "Never",
                },
                "Evaluation": "Static",
                "ChangeSource": "DirectModification",
            }
            for name in self.properties
        ]
        return {
            "Type": "Resource",
            "ResourceChange": {
                "Action": self.action,
                "LogicalResourceId": self.logical_id,
                "PhysicalResourceId": self.made.identifier if self.made else None,
                "ResourceType": self.type,
                "Replacement": str(self.replacement) if self.action == "Modify" else None,
                "Scope": scope,
                "Details": details,
            },
        }


def kind_of(type_name: str) -> Kind:
    """Return what applies a resource type, or refuse."""
    if type_name not in KINDS:
        raise unsupported(f"the resource type {type_name}")
    return KINDS[type_name]


class Planner:
    """Compares a template with a stack."""

    def __init__(
        self,
        template: Template,
        stack: Stack,
        *,
        values: Mapping[str, object],
        tags: Mapping[str, str],
        adopt: Api | None,
    ) -> None:
        self._template = template
        self._stack = stack
        self._tags = tags
        self._adopt = adopt
        self._replaced: set[str] = set()
        self._evaluator = Evaluator(template, values, self._lookup)

    def changes(self) -> list[Change]:
        """Return the changes in the order in which they are made, removals last."""
        wanted = {r.logical_id for r in self._template.resources.values() if self._evaluator.condition(r.condition)}
        found = [change for r in ordered(self._template, wanted) if (change := self._change(r))]
        for output in self._template.outputs.values():
            if self._evaluator.condition(output.get("Condition")):
                self._evaluator.value(output["Value"])
        gone = [made for name, made in self._stack.resources.items() if name not in wanted]
        removed = [Change(action="Remove", logical_id=m.logical_id, type=m.type, made=m) for m in reversed(gone)]
        return found + removed

    def _lookup(self, name: str) -> Physical | None:
        made = self._stack.resources.get(name)
        return None if made is None or name in self._replaced else made.physical

    def _change(self, resource: Resource) -> Change | None:
        properties = declared(resource, self._evaluator, self._tags)
        made = self._stack.resources.get(resource.logical_id)
        if made is None:
            return self._addition(resource, properties)
        if made.type != resource.type:
            raise refused(f"Update of resource type is not permitted: {resource.logical_id}")
        names = sorted({*made.properties, *properties})
        changed = tuple(n for n in names if canonical(made.properties.get(n)) != canonical(properties.get(n)))
        if not changed and made.deletion_policy == resource.deletion_policy:
            return None
        replacement = bool(set(changed) & kind_of(resource.type).replacing)
        if replacement:
            self._replaced.add(resource.logical_id)
        return Change(
            action="Modify",
            logical_id=resource.logical_id,
            type=resource.type,
            resource=resource,
            made=made,
            replacement=replacement,
            properties=changed,
        )

    def _addition(self, resource: Resource, properties: Document) -> Change:
        # Only what survives its stack is adopted again, as ImportExistingResources has it.
        lasting = resource.deletion_policy != "Delete" and self._adopt is not None
        known = kind_of(resource.type).find(self._adopt, properties) if lasting and self._adopt else None
        action: Action = "Import" if known else "Add"
        return Change(action=action, logical_id=resource.logical_id, type=resource.type, resource=resource)


def declared(resource: Resource, evaluator: Evaluator, tags: Mapping[str, str]) -> Document:
    """Evaluate a resource's properties with the stack's tags, and refuse any that would not be applied."""
    kind = kind_of(resource.type)
    properties = evaluator.properties(resource.properties)
    if unknown := sorted(set(properties) - kind.properties):
        raise unsupported(f"{', '.join(unknown)} of {resource.logical_id} ({resource.type})")
    if not kind.tagged or not tags:
        return properties
    own = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    merged = {**tags, **own}
    return {**properties, "Tags": [{"Key": key, "Value": merged[key]} for key in sorted(merged)]}
