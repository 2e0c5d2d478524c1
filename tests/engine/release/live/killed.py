"""Runs `pipeline …` and kills this very process right after its n-th change of the world."""

import os
import signal
import sys
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from sagemaker_gitops.cli.app import main

# Renewing a lease changes nothing that outlives the process.
_CHANGES = frozenset(
    {
        "AddTags",
        "CreateEndpoint",
        "CreateEndpointConfig",
        "CreateModel",
        "DeleteAlarms",
        "DeregisterScalableTarget",
        "PutMetricAlarm",
        "PutObject",
        "PutScalingPolicy",
        "RegisterScalableTarget",
        "TransactWriteItems",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
    }
)
# The one place that all of boto3's calls go through.
_METHOD = "_make_api_call"
_call = vars(BaseClient)[_METHOD]
_left = int(os.environ["KILLED_AFTER"])


def _counted(client: BaseClient, operation: str, params: dict[str, Any]) -> Any:
    global _left  # noqa: PLW0603 - one process, one countdown
    answer = _call(client, operation, params)
    if operation in _CHANGES:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer


with patch.object(BaseClient, _METHOD, new=_counted):
    sys.exit(main(sys.argv[1:]))
