"""How long the two kinds of rollback took here, what they asked AWS for, and what that takes there."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.local.demo.story import Step, Story

_CHANGES = frozenset({"CreateEndpointConfig", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"})
_ON_AWS = {
    "warm": "only weights move, no instance is started: seconds",
    "cold": "new instances come up first: 10 to 15 minutes, while the present release answers; then weights move",
}


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """One rollback; `moving` is from its start to the former release answering everybody, in seconds."""

    name: str
    seconds: float
    moving: float
    changes: tuple[str, ...]

    def __str__(self) -> str:
        """Tell it in a line."""
        asked = ", ".join(self.changes)
        here = f"{self.moving:.1f} s ({self.seconds:.1f} s with the command's start)"
        return f"{self.name} rollback: {here}, by {asked}. On AWS {self.on_aws}."

    @property
    def on_aws(self) -> str:
        """What it consists of on AWS."""
        return _ON_AWS[self.name]


def roll_back(story: Story, env: str, calls: Path, *, to: int) -> WayBack:
    """Roll an environment back to a version, and read from the record of calls how."""
    before = calls.stat().st_size
    words = ("rollback", "--env", env, "--to", str(to), "--reason", "demo: callers' data has drifted")
    step = story.tell(f"rollback {env}", *words)
    with calls.open() as file:
        file.seek(before)
        return _way(step, map(json.loads, file))


def _way(step: Step, calls: Iterable[Mapping[str, str]]) -> WayBack:
    return WayBack(
        name="warm" if step.outputs["warm"] == "true" else "cold",
        seconds=step.seconds,
        moving=float(step.outputs["seconds"]),
        changes=tuple(call["operation"] for call in calls if call["operation"] in _CHANGES),
    )
