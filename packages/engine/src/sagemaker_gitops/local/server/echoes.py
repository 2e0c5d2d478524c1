"""Eventual consistency on demand: a read may answer with what was true a moment ago."""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass

from werkzeug.wrappers import Response

_KEPT = 50


@dataclass(frozen=True, kw_only=True)
class _Echo:
    moment: float
    body: bytes
    status: int


class Echoes:
    """The last answers to each read, so that an old one can be given again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, deque[_Echo]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def keep(self, question: str, answer: Response) -> None:
        """Remember what was true at this moment."""
        echo = _Echo(moment=time.monotonic(), body=answer.get_data(), status=answer.status_code)
        with self._lock:
            self._heard[question].append(echo)

    def recall(self, question: str, *, seconds: float) -> Response | None:
        """Return the newest answer that is at least so old."""
        before = time.monotonic() - seconds
        with self._lock:
            old = [echo for echo in self._heard[question] if echo.moment <= before]
        if not old:
            return None
        return Response(old[-1].body, status=old[-1].status, content_type="application/x-amz-json-1.1")
