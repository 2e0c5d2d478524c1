"""CloudFormation stacks, changed through change sets that can be read before they are executed."""

import time
import uuid
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import error_code, is_missing
from sagemaker_gitops.aws.stack_shapes import ChangeSet, Drift, Kept, StackRequest, change_of, drifts_of
from sagemaker_gitops.errors import StackFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import (
        ChangeTypeDef,
        StackEventTypeDef,
        StackResourceDriftTypeDef,
        StackTypeDef,
    )
    from mypy_boto3_kms import KMSClient

_GONE = frozenset({"DELETE_COMPLETE"})
# What CloudFormation says, in a reason and not in a code, when there is nothing to do.
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, client: "CloudFormationClient", kms: "KMSClient", *, poll_seconds: float) -> None:
        self._client = client
        self._kms = kms
        self._poll_seconds = poll_seconds

    def status(self, name: str) -> str | None:
        """Say in which state a stack is; None when there is none."""
        stack = self._find(name)
        return stack["StackStatus"] if stack else None

    def outputs(self, name: str) -> dict[str, str]:
        """Read a stack's outputs."""
        stack = self._find(name)
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])} if stack else {}

    def plan(self, request: StackRequest) -> ChangeSet | None:
        """Create a change set; None when the stack is as it should be."""
        status = self.status(request.name)
        if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}:
            # Left by a creation or deletion that failed: CloudFormation only lets it be deleted.
            self.delete(request.name)
            status = None
        creates = status in {None, "REVIEW_IN_PROGRESS"}
        change_set, stack_id = self._create(request, creates=creates)
        changes = self._changes(change_set)
        if changes is None:
            return None
        planned = tuple(change_of(item) for item in changes)
        return ChangeSet(id=change_set, stack=request.name, stack_id=stack_id, creates=creates, changes=planned)

    def execute(self, change_set: ChangeSet) -> None:
        """Execute a change set and wait for its end."""
        self._client.execute_change_set(ChangeSetName=change_set.id)
        status = self._settled(change_set.stack_id)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise StackFailed(
                f"stack {change_set.stack} ended as {status}: {self._first_failure(change_set.stack_id)}",
                where=change_set.stack_id,
                next_step="correct infra/lib or infra/config, then run bootstrap again; nothing was left half-done",
            )

    def discard(self, change_set: ChangeSet) -> None:
        """Drop a change set that nobody wanted, with the empty stack that it opened."""
        self._client.delete_change_set(ChangeSetName=change_set.id)
        if change_set.creates:
            self.delete(change_set.stack)

    def delete(self, name: str) -> tuple[Kept, ...]:
        """Delete a stack, wait until it is gone, and tell what it left behind by its own policy."""
        stack = self._find(name)
        if stack is None:
            return ()
        self._client.delete_stack(StackName=stack["StackId"])
        status = self._settled(stack["StackId"])
        if status not in _GONE:
            raise StackFailed(
                f"stack {name} ended as {status}: {self._first_failure(stack['StackId'])}",
                where=stack["StackId"],
                next_step="remove what stands in its way, then run teardown again",
            )
        return tuple(
            Kept(logical_id=event["LogicalResourceId"], type=event["ResourceType"], name=event["PhysicalResourceId"])
            for event in self._events(stack["StackId"])
            if event["ResourceStatus"] == "DELETE_SKIPPED"
        )

    def resources(self, name: str) -> tuple[Kept, ...]:
        """List what a stack consists of."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        return tuple(
            Kept(logical_id=item["LogicalResourceId"], type=item["ResourceType"], name=item["PhysicalResourceId"])
            for page in pages
            for item in page["StackResourceSummaries"]
        )

    def drift(self, name: str) -> tuple[Drift, ...]:
        """Compare a stack with what is really there."""
        detection = self._client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        while True:
            answer = self._client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(self._poll_seconds)
        found = (drift for item in self._drifted(name) for drift in drifts_of(name, item))
        return tuple(drift for drift in found if not self._same_key(drift))

    def _drifted(self, name: str) -> "Iterator[StackResourceDriftTypeDef]":
        """Read every page; boto3 has no paginator for them."""
        token: dict[str, str] = {}
        while True:
            page = self._client.describe_stack_resource_drifts(
                StackName=name,
                StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
                **token,  # type: ignore[arg-type]
            )
            yield from page["StackResourceDrifts"]
            if not (following := page.get("NextToken")):
                return
            token = {"NextToken": following}

    def _same_key(self, drift: Drift) -> bool:
        """Tell whether a key is merely named otherwise: services answer its ARN where a template has an alias."""
        if not drift.expected.startswith("alias/") or not drift.actual:
            return False
        try:
            key = self._kms.describe_key(KeyId=drift.expected)["KeyMetadata"]
        except botocore.exceptions.ClientError as err:
            if is_missing(err) or error_code(err) == "NotFoundException":
                return False
            raise
        return drift.actual in {key["Arn"], key["KeyId"]}

    def _create(self, request: StackRequest, *, creates: bool) -> tuple[str, str]:
        kind: ChangeSetTypeType = "CREATE" if creates else "UPDATE"
        answer = self._client.create_change_set(
            StackName=request.name,
            ChangeSetName=f"pipeline-{uuid.uuid4().hex[:12]}",
            ChangeSetType=kind,
            TemplateBody=request.template,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in request.parameters.items()],
            Tags=[{"Key": k, "Value": v} for k, v in request.tags.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            # Buckets and tables outlive their stack; the next bootstrap takes them up again.
            ImportExistingResources=True,
            OnStackFailure="DELETE" if creates else "ROLLBACK",
        )
        return answer["Id"], answer["StackId"]

    def _changes(self, change_set: str) -> "list[ChangeTypeDef] | None":
        while True:
            answer = self._client.describe_change_set(ChangeSetName=change_set)
            if answer["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            time.sleep(self._poll_seconds)
        if answer["Status"] == "CREATE_COMPLETE":
            pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
            return [change for page in pages for change in page["Changes"]]
        reason = answer.get("StatusReason", "no reason was given")
        self._client.delete_change_set(ChangeSetName=change_set)
        if any(words in reason for words in _UNCHANGED):
            return None
        raise StackFailed(
            f"CloudFormation cannot plan stack {answer['StackName']}: {reason}",
            where=change_set,
            next_step="correct infra/lib or infra/config, then run bootstrap again",
        )

    def _settled(self, stack_id: str) -> str:
        while True:
            status = self._client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(self._poll_seconds)

    def _events(self, stack_id: str) -> "list[StackEventTypeDef]":
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        return [event for page in pages for event in page["StackEvents"]]

    def _first_failure(self, stack_id: str) -> str:
        reasons = [
            event.get("ResourceStatusReason", "")
            for event in reversed(self._events(stack_id))
            if event["ResourceStatus"].endswith(("FAILED", "ROLLBACK_IN_PROGRESS"))
        ]
        return next((reason for reason in reasons if reason), "no reason was given")

    def _find(self, name: str) -> "StackTypeDef | None":
        try:
            stack = self._client.describe_stacks(StackName=name)["Stacks"][0]
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "ValidationError" and "does not exist" in str(err):
                return None
            raise
        return None if stack["StackStatus"] in _GONE else stack
