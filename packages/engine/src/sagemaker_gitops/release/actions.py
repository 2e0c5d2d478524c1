"""What a rollout can do next. Each action is a target, so that doing it twice changes nothing."""

from dataclasses import dataclass
from typing import Literal

from sagemaker_gitops.release.state import Layout

Result = Literal["promoted", "rolled_back", "failed"]


@dataclass(frozen=True, kw_only=True)
class Begin:
    """Write down that a step is about to be taken."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Provision:
    """Bring up a fleet of this layout and retire the present one."""

    layout: Layout
    guarded: bool = False


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Split traffic between the present variants, in percent."""

    weights: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """Write down that the endpoint shows a step's target."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Ask the candidate about known rows before callers do."""


@dataclass(frozen=True, kw_only=True)
class Abort:
    """Write down that the candidate has failed, and why."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Delete an endpoint that serves nobody."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Look again later."""

    seconds: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Close the rollout in the ledger."""

    result: Result
    reason: str = ""


Action = Begin | Provision | Shift | Confirm | Verify | Abort | Remove | Wait | Finish
