"""Injected faults, as `local fault` sets them."""

import random
import threading
import time
from collections import defaultdict, deque
from dataclasses import asdict, dataclass

from werkzeug.wrappers import Response

from sagemaker_gitops.local.server.context import Clock, Refusal

_KEPT = 50


@dataclass(frozen=True, kw_only=True)
class _PastAnswer:
    moment: float
    body: bytes
    status: int


class PastAnswers:
    """The last answers to each read, so that an old one can be given again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, deque[_PastAnswer]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def keep(self, question: str, answer: Response) -> None:
        """Remember what was true at this moment."""
        past = _PastAnswer(moment=time.monotonic(), body=answer.get_data(), status=answer.status_code)
        with self._lock:
            self._answers[question].append(past)

    def recall(self, question: str, *, seconds: float) -> Response | None:
        """Return the newest answer that is at least so old."""
        before = time.monotonic() - seconds
        with self._lock:
            old = [past for past in self._answers[question] if past.moment <= before]
        if not old:
            return None
        return Response(old[-1].body, status=old[-1].status, content_type="application/x-amz-json-1.1")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of fault, how often it applies (0-1) and, for the call faults, which operation."""

    kind: str
    rate: float = 1.0
    operation: str | None = None
    seconds: float = 1.0


class Faults:
    """The faults in force; which calls they hit is drawn at random."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._stop = threading.Event()
        self._echoes = PastAnswers()

    def add(self, fault: Fault) -> None:
        """Put a fault in force, in place of one of the same kind and operation."""
        with self._lock:
            same = (fault.kind, fault.operation)
            self._faults = [f for f in self._faults if (f.kind, f.operation) != same] + [fault]

    def clear(self) -> None:
        """Lift every fault."""
        with self._lock:
            self._faults = []

    def shown(self) -> list[dict[str, object]]:
        """Return the faults in force."""
        return [asdict(f) for f in self._faults]

    def hits(self, kind: str, operation: str | None = None) -> Fault | None:
        """Return the fault of a kind if it hits this time."""
        for fault in self._faults:
            if fault.kind == kind and fault.operation in {None, operation} and random.random() < fault.rate:  # noqa: S311
                return fault
        return None

    def with_stale(self, operation: str, asked: object, fresh: Response) -> Response:
        """Answer a Describe call with what was true before, while `stale` is in force."""
        if not operation.startswith("Describe") or not any(fault.kind == "stale" for fault in self._faults):
            return fresh
        question = f"{operation} {asked}"
        self._echoes.keep(question, fresh)
        stale = self.hits("stale", operation)
        old = self._echoes.recall(question, seconds=stale.seconds) if stale else None
        return old or fresh

    def apply(self, service: str, operation: str) -> None:
        """Delay or refuse a call as the faults in force have it."""
        if not self._faults:
            return
        if slow := self.hits("slow", operation):
            Clock(1).wait(slow.seconds, self._stop)
        if self.hits("expired-credentials", operation):
            raise Refusal("ExpiredTokenException", "The security token included in the request is expired", status=403)
        if self.hits("throttle", operation):
            raise _throttled(service)
        if self.hits("5xx", operation):
            code = "InternalFailure" if service.startswith("sagemaker") else "InternalError"
            raise Refusal(code, "An internal failure occurred. Try your request again.", status=500)


def _throttled(service: str) -> Refusal:
    # S3 answers 503, and only that a HEAD request, whose answer has no body, is recognised by.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    if service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", status=503)
    return Refusal("ThrottlingException", "Rate exceeded")
