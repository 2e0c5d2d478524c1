"""How long the two kinds of rollback take here, which changes they make, and how long those take on AWS."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.local.demo.scenario import Scenario, Step

_CHANGES = frozenset({"CreateEndpointConfig", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"})
_ON_AWS = {
    "warm": "only weights change, no instance is started: seconds",
    "cold": "new instances start first: 10 to 15 minutes, while the present release serves; then weights change",
}


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """One rollback; `shift_seconds` is from its start until the former release serves 100 % of traffic."""

    name: str
    seconds: float
    shift_seconds: float
    changes: tuple[str, ...]

    def __str__(self) -> str:
        """Describe it in a line."""
        here = f"{self.shift_seconds:.1f} s ({self.seconds:.1f} s with the command's start)"
        return f"{self.name} rollback: {here}, by {', '.join(self.changes)}. On AWS {self.on_aws}."

    @property
    def on_aws(self) -> str:
        """What it consists of on AWS."""
        return _ON_AWS[self.name]


def roll_back(scenario: Scenario, env: str, calls: Path, *, to: int) -> Rollback:
    """Roll an environment back to a version, and read its changes from the record of calls."""
    before = calls.stat().st_size
    words = ("rollback", "--env", env, "--to", str(to), "--reason", "demo: callers' data has drifted")
    step = scenario.run_step(f"rollback {env}", *words)
    with calls.open() as file:
        file.seek(before)
        return _rollback(step, map(json.loads, file))


def _rollback(step: Step, calls: Iterable[Mapping[str, str]]) -> Rollback:
    return Rollback(
        name="warm" if step.outputs["warm"] == "true" else "cold",
        seconds=step.seconds,
        shift_seconds=float(step.outputs["seconds"]),
        changes=tuple(call["operation"] for call in calls if call["operation"] in _CHANGES),
    )
