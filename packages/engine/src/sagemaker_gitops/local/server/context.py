"""What every service of the embedded AWS shares: documents, callers, simulated time, and refusals."""

import threading
import time
from dataclasses import dataclass
from typing import Any

FAULT_KINDS = (
    # of calls
    "throttle",
    "5xx",
    "slow",
    "stale",
    "expired-credentials",
    # of states
    "endpoint-failed",
    "training-failed",
    "spot-interruption",
)
Document = dict[str, Any]
"""A request, a response or a stored resource: JSON in the shape that botocore's model gives it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One region of one account: nothing is visible from one place in another."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """Return the SageMaker ARN of a resource here."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The principal that signed a request."""

    place: Place
    arn: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """One validated request to an operation that the embedded AWS implements."""

    caller: Caller
    operation: str
    params: Document

    @property
    def place(self) -> Place:
        """Return where the call acts."""
        return self.caller.place


@dataclass(frozen=True)
class Clock:
    """Real timestamps and scaled durations: `scale` simulated seconds pass in one real second."""

    scale: float = 60.0

    def real(self, simulated_seconds: float) -> float:
        """Return how many real seconds a simulated duration takes."""
        return simulated_seconds / self.scale

    def wait(self, simulated_seconds: float, stop: threading.Event) -> bool:
        """Wait a simulated duration; return True at once when `stop` is set."""
        return stop.wait(self.real(simulated_seconds))


def now() -> float:
    """Return the time in seconds since the epoch, to the millisecond as AWS gives it."""
    return round(time.time(), 3)


class Refusal(Exception):
    """A request that AWS would reject; becomes the response."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> Refusal:
    """Return SageMaker's answer to a well-formed request that contradicts the state."""
    return Refusal("ValidationException", message)


def not_found(kind: str, arn: str) -> Refusal:
    """Return the answer to a name that nothing bears. `kind` is the words AWS uses."""
    return invalid(f'Could not find {kind} "{arn}".')


def duplicate(kind: str, arn: str) -> Refusal:
    """Return the answer to a second creation under one name."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def in_use(message: str) -> Refusal:
    """Return the answer to a job name that is taken."""
    return Refusal("ResourceInUse", message)


def conflict(message: str) -> Refusal:
    """Return the answer to a change that other resources stand against."""
    return Refusal("ConflictException", message)


def unsupported(what: str) -> Refusal:
    """Return the loud answer to whatever the local AWS does not really do."""
    return Refusal("NotImplementedByLocalAWS", f"The local AWS does not implement {what}.", status=501)
