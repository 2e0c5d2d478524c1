"""Drift: every resource of a stack read back through its service and compared with the template."""

import json
import time
import uuid
from collections.abc import Callable

from sagemaker_gitops.local.cloudformation.kinds import KINDS
from sagemaker_gitops.local.cloudformation.state import AppliedResource, Stack, Stacks
from sagemaker_gitops.local.cloudformation.template import refused
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Call, Document, Place


class Drifts:
    """DetectStackDrift and the two operations that tell its result."""

    def __init__(self, stacks: Stacks, api: Callable[[Place], Api]) -> None:
        self._stacks = stacks
        self._api = api
        self._found: dict[str, tuple[Stack, list[Document]]] = {}

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "DetectStackDrift": self.detect,
            "DescribeStackDriftDetectionStatus": self.status,
            "DescribeStackResourceDrifts": self.describe,
        }

    def detect(self, call: Call) -> Document:
        """DetectStackDrift; the result is there at once."""
        stack = self._stacks.require(call.place, call.params["StackName"])
        api = self._api(call.place)
        detection = str(uuid.uuid4())
        self._found[detection] = (stack, [_drift(api, stack, made) for made in stack.resources.values()])
        return {"StackDriftDetectionId": detection}

    def status(self, call: Call) -> Document:
        """DescribeStackDriftDetectionStatus."""
        detection = call.params["StackDriftDetectionId"]
        if detection not in self._found:
            raise refused(f"Drift detection {detection} does not exist")
        stack, drifts = self._found[detection]
        drifted = [drift for drift in drifts if drift["StackResourceDriftStatus"] != "IN_SYNC"]
        return {
            "StackId": stack.id,
            "StackDriftDetectionId": detection,
            "StackDriftStatus": "DRIFTED" if drifted else "IN_SYNC",
            "DetectionStatus": "DETECTION_COMPLETE",
            "DriftedStackResourceCount": len(drifted),
            "Timestamp": time.time(),
        }

    def describe(self, call: Call) -> Document:
        """DescribeStackResourceDrifts: the latest detection's."""
        stack = self._stacks.require(call.place, call.params["StackName"])
        latest = [drifts for owner, drifts in self._found.values() if owner.id == stack.id]
        wanted = call.params.get("StackResourceDriftStatusFilters")
        found = latest[-1] if latest else []
        return {"StackResourceDrifts": [d for d in found if not wanted or d["StackResourceDriftStatus"] in wanted]}


def _drift(api: Api, stack: Stack, made: AppliedResource) -> Document:
    kind = KINDS[made.type]
    found = kind.read(api, made.identifier)
    actual = kind.as_reported(api, found) if found is not None else None
    wrong = kind.differences(made.properties, actual or {}) if actual is not None else []
    status = "DELETED" if actual is None else "MODIFIED" if wrong else "IN_SYNC"
    return {
        "StackId": stack.id,
        "LogicalResourceId": made.logical_id,
        "PhysicalResourceId": made.identifier,
        "ResourceType": made.type,
        "ExpectedProperties": json.dumps(made.properties),
        "ActualProperties": json.dumps(actual or {}, default=str),
        "PropertyDifferences": [
            {
                "PropertyPath": item.path,
                "ExpectedValue": item.expected,
                "ActualValue": item.actual,
                "DifferenceType": item.type,
            }
            for item in wrong
        ],
        "StackResourceDriftStatus": status,
        "Timestamp": time.time(),
    }
