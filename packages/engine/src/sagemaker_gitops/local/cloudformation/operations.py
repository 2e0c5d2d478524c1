"""CloudFormation's operations: change sets, stacks, and their drift."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sagemaker_gitops.local.cloudformation import responses
from sagemaker_gitops.local.cloudformation.changes import Planner
from sagemaker_gitops.local.cloudformation.drift import Drifts
from sagemaker_gitops.local.cloudformation.execution import Execution, StackDeletion, StackDeployment
from sagemaker_gitops.local.cloudformation.state import Stack, Stacks
from sagemaker_gitops.local.cloudformation.template import (
    Template,
    evaluate_parameters,
    parse_template,
    refused,
    resolve_parameters,
)
from sagemaker_gitops.local.server.clients import Api, Clients, api
from sagemaker_gitops.local.server.context import Call, Document, Place, Refusal
from sagemaker_gitops.local.server.persistence import Store
from sagemaker_gitops.project.regions import absent

_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
_SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"})


class CloudFormation:
    """The stacks of the local AWS."""

    def __init__(self, store: Store, clients: Clients) -> None:
        self._stacks = Stacks(store)
        self._clients = clients
        self._lock = threading.Lock()
        self._drifts = Drifts(self._stacks, self._api)

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateChangeSet": self.create_change_set,
            "DescribeChangeSet": self.describe_change_set,
            "DeleteChangeSet": self.delete_change_set,
            "ExecuteChangeSet": self.execute_change_set,
            "DescribeStacks": self.describe_stacks,
            "DescribeStackEvents": self.describe_stack_events,
            "DescribeStackResources": self.describe_stack_resources,
            "ListStackResources": self.list_stack_resources,
            "GetTemplate": self.get_template,
            "DeleteStack": self.delete_stack,
            **self._drifts.operations(),
        }

    def create_change_set(self, call: Call) -> Document:
        """CreateChangeSet."""
        template = parse_template(responses.body(call.params))
        _require_known(template, call.place.region)
        given = {item["ParameterKey"]: item["ParameterValue"] for item in call.params.get("Parameters", [])}
        tags = {item["Key"]: item["Value"] for item in call.params.get("Tags", [])}
        values = resolve_parameters(template, given)
        stack = self._stack_for(call)
        adopt = self._api(call.place) if call.params.get("ImportExistingResources") else None
        referred = evaluate_parameters(template, values, place=call.place, stack_name=stack.name, stack_id=stack.id)
        changes = Planner(template, stack, values=referred, tags=tags, adopt=adopt).changes()
        responses.require_capabilities(changes, call.params.get("Capabilities", []))
        self._stacks.save(call.place, stack)
        document = {
            "ChangeSetId": _arn(call.place, "changeSet", call.params["ChangeSetName"]),
            "ChangeSetName": call.params["ChangeSetName"],
            "StackId": stack.id,
            "StackName": stack.name,
            "ExecutionStatus": "AVAILABLE" if changes else "UNAVAILABLE",
            "Status": "CREATE_COMPLETE" if changes else "FAILED",
            "StatusReason": None if changes else _NO_CHANGES,
            "OnStackFailure": call.params.get("OnStackFailure"),
            "ImportExistingResources": adopt is not None,
            "CreationTime": time.time(),
            "Changes": [change.described() for change in changes],
            "Template": template.body,
            "Values": values,
            "StackTags": tags,
        }
        self._stacks.save_change_set(call.place, document)
        return {"Id": document["ChangeSetId"], "StackId": stack.id}

    def describe_change_set(self, call: Call) -> Document:
        """DescribeChangeSet."""
        document = self._change_set(call)
        return {
            **document,
            "Parameters": responses.parameters_response(document["Values"]),
            "Tags": responses.tags_response(document["StackTags"]),
        }

    def delete_change_set(self, call: Call) -> Document:
        """DeleteChangeSet."""
        self._stacks.forget_change_set(call.place, self._change_set(call))
        return {}

    def execute_change_set(self, call: Call) -> Document:
        """ExecuteChangeSet: carried out in the background, as on AWS."""
        document = self._change_set(call)
        if document["ExecutionStatus"] != "AVAILABLE":
            raise Refusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{document['ChangeSetId']}] cannot be executed in its current status",
            )
        with self._lock:
            stack = self._stacks.require(call.place, document["StackId"])
            _require_settled(stack)
            verb = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
            stack = self._stacks.save(call.place, stack.moved(f"{verb}_IN_PROGRESS", "User Initiated"))
            self._stacks.save_change_set(call.place, {**document, "ExecutionStatus": "EXECUTE_COMPLETE"})
        deployment = self._deployment(call.place, stack, document)
        threading.Thread(target=deployment.run, daemon=True, name=f"stack-{stack.name}").start()
        return {}

    def describe_stacks(self, call: Call) -> Document:
        """DescribeStacks."""
        name = call.params.get("StackName")
        found = [self._stacks.require(call.place, name)] if name else list(self._stacks.live(call.place))
        return {"Stacks": [responses.stack_response(item) for item in found]}

    def describe_stack_events(self, call: Call) -> Document:
        """DescribeStackEvents, latest first."""
        return {"StackEvents": self._stack(call).events[::-1]}

    def describe_stack_resources(self, call: Call) -> Document:
        """DescribeStackResources."""
        stack = self._stack(call)
        return {"StackResources": [responses.resource_response(stack, made) for made in stack.resources.values()]}

    def list_stack_resources(self, call: Call) -> Document:
        """ListStackResources."""
        stack = self._stack(call)
        return {
            "StackResourceSummaries": [responses.resource_response(stack, made) for made in stack.resources.values()]
        }

    def get_template(self, call: Call) -> Document:
        """GetTemplate, as it was submitted."""
        return {"TemplateBody": self._stack(call).template, "StagesAvailable": ["Original", "Processed"]}

    def delete_stack(self, call: Call) -> Document:
        """DeleteStack; one that does not exist is deleted already."""
        with self._lock:
            stack = self._stacks.find(call.place, call.params["StackName"])
            if stack is None or stack.status == "DELETE_COMPLETE":
                return {}
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                raise refused(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
            stack = self._stacks.save(call.place, stack.moved("DELETE_IN_PROGRESS", "User Initiated"))
        deletion = StackDeletion(self._api(call.place), stack, partial(self._stacks.save, call.place))
        threading.Thread(target=deletion.run, daemon=True, name=f"stack-{stack.name}").start()
        return {}

    def _deployment(self, place: Place, stack: Stack, document: Document) -> StackDeployment:
        template = parse_template(document["Template"])
        values = evaluate_parameters(
            template, document["Values"], place=place, stack_name=stack.name, stack_id=stack.id
        )
        tags, services = document["StackTags"], self._api(place)
        adopt = services if document["ImportExistingResources"] else None
        changes = Planner(template, stack, values=values, tags=tags, adopt=adopt).changes()
        changed = replace(
            stack,
            template=template.body,
            description=template.description,
            parameters=document["Values"],
            tags=tags,
        )
        save = partial(self._stacks.save, place)
        execution = Execution(services, changed, template, values=values, tags=tags, save=save)
        discard = document["OnStackFailure"] == "DELETE"
        return StackDeployment(execution, changes, before=stack, save=save, discard=discard)

    def _stack_for(self, call: Call) -> Stack:
        name, wanted = call.params["StackName"], call.params.get("ChangeSetType", "UPDATE")
        stack = self._stacks.find(call.place, name)
        if stack and stack.status not in {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}:
            if wanted == "CREATE":
                raise refused(f"Stack [{name}] already exists and cannot be created again with the changeSet")
            _require_settled(stack)
            return stack
        if wanted != "CREATE":
            raise refused(f"Stack [{name}] does not exist")
        fresh = Stack(name=name, id=_arn(call.place, "stack", name), status="REVIEW_IN_PROGRESS", created=time.time())
        return stack if stack and stack.status == "REVIEW_IN_PROGRESS" else fresh.moved("REVIEW_IN_PROGRESS")

    def _change_set(self, call: Call) -> Document:
        return self._stacks.change_set(call.place, call.params["ChangeSetName"], call.params.get("StackName"))

    def _stack(self, call: Call) -> Stack:
        return self._stacks.require(call.place, call.params["StackName"])

    def _api(self, place: Place) -> Api:
        return api(self._clients, place)


def _require_known(template: Template, region: str) -> None:
    types = {item.type for item in template.resources.values()}
    if unknown := sorted(name for name in types if absent(name, region)):
        raise refused(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def _require_settled(stack: Stack) -> None:
    if stack.status not in _SETTLED | {"REVIEW_IN_PROGRESS"}:
        raise refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _arn(place: Place, kind: str, name: str) -> str:
    return f"arn:aws:cloudformation:{place.region}:{place.account}:{kind}/{name}/{uuid.uuid4()}"
