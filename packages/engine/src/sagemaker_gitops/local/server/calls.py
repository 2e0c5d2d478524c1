"""The record of every call, one JSON line each: time, service, operation, params, principal, status.

A role's call also tells what it needed: each action, resource and context that IAM decided on.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.server.context import Caller, Document

_SECRET = "[not recorded]"  # noqa: S105
_UNRECORDED = frozenset({"Body"})


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was called, and what a role needed for it."""

    service: str
    operation: str
    params: Document
    needed: Sequence[Access]


class Calls:
    """Appends calls to a file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        # Line by line, so that a reader beside the server sees the last call.
        self._file = path.open("a", buffering=1)

    def record(self, caller: Caller, call: Recorded, *, status: int) -> None:
        """Append one call."""
        line = {
            "time": round(time.time(), 3),
            "service": call.service,
            "operation": call.operation,
            "params": {k: _SECRET if k in _UNRECORDED else v for k, v in call.params.items()},
            "principal": caller.arn,
            "account": caller.place.account,
            "region": caller.place.region,
            "status": status,
            **({"needed": [asdict(access) for access in call.needed]} if call.needed else {}),
        }
        text = json.dumps(line, default=str) + "\n"
        with self._lock:
            self._file.write(text)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
