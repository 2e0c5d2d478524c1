"""Who calls, and in which account and region."""

from dataclasses import dataclass
from typing import Any

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
    """One validated request to an operation that this plane implements."""

    caller: Caller
    operation: str
    params: Document

    @property
    def place(self) -> Place:
        """Return where the call acts."""
        return self.caller.place
