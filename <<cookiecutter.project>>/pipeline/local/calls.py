"""The record of every call, one JSON line each: time, service, operation, params, principal, status."""

import json
import threading
import time
from pathlib import Path

from pipeline.local.place import Caller, Document

_SECRET = "[not recorded]"  # noqa: S105
_UNRECORDED = frozenset({"Body"})


class Calls:
    """Appends calls to a file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        # Line by line, so that a reader beside the server sees the last call.
        self._file = path.open("a", buffering=1)

    def record(self, caller: Caller, *, service: str, operation: str, params: Document | None, status: int) -> None:
        """Append one call."""
        line = {
            "time": round(time.time(), 3),
            "service": service,
            "operation": operation,
            "params": {k: _SECRET if k in _UNRECORDED else v for k, v in (params or {}).items()},
            "principal": caller.arn,
            "account": caller.place.account,
            "region": caller.place.region,
            "status": status,
        }
        text = json.dumps(line, default=str) + "\n"
        with self._lock:
            self._file.write(text)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
