"""Faults on demand: the switch behind `local fault`."""

import random
import threading
from dataclasses import asdict, dataclass

from werkzeug.wrappers import Response

from sagemaker_gitops.local.server.clock import Clock
from sagemaker_gitops.local.server.echoes import Echoes
from sagemaker_gitops.local.server.refusal import Refusal


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of fault, how often it strikes (0-1) and, for the call faults, which operation."""

    kind: str
    rate: float = 1.0
    operation: str | None = None
    seconds: float = 1.0


class Faults:
    """The faults in force, and the dice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._stop = threading.Event()
        self._echoes = Echoes()

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

    def strikes(self, kind: str, operation: str | None = None) -> Fault | None:
        """Return the fault of a kind if it hits this time."""
        for fault in self._faults:
            if fault.kind == kind and fault.operation in {None, operation} and random.random() < fault.rate:  # noqa: S311
                return fault
        return None

    def age(self, operation: str, asked: object, fresh: Response) -> Response:
        """Answer a Describe call with what was true before, while `stale` is in force."""
        if not operation.startswith("Describe") or not any(fault.kind == "stale" for fault in self._faults):
            return fresh
        question = f"{operation} {asked}"
        self._echoes.keep(question, fresh)
        stale = self.strikes("stale", operation)
        old = self._echoes.recall(question, seconds=stale.seconds) if stale else None
        return old or fresh

    def meet(self, service: str, operation: str) -> None:
        """Delay or refuse a call as the faults in force have it."""
        if not self._faults:
            return
        if slow := self.strikes("slow", operation):
            Clock(1).wait(slow.seconds, self._stop)
        if self.strikes("expired-credentials", operation):
            raise Refusal("ExpiredTokenException", "The security token included in the request is expired", status=403)
        if self.strikes("throttle", operation):
            raise _throttled(service)
        if self.strikes("5xx", operation):
            code = "InternalFailure" if service.startswith("sagemaker") else "InternalError"
            raise Refusal(code, "An internal failure occurred. Try your request again.", status=500)


def _throttled(service: str) -> Refusal:
    # S3 answers 503, and only that a HEAD request, whose answer has no body, can be told by.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    if service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", status=503)
    return Refusal("ThrottlingException", "Rate exceeded")
