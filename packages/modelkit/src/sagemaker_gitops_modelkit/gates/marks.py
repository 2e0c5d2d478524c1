"""A mark: one measured figure beside the limit that baseline.json sets for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sagemaker_gitops_modelkit.gates.project import ROOT

BASELINE = ROOT / "model/config/baseline.json"

LOWER_IS_BETTER = frozenset({"brier", "log_loss", "mae", "rmse"})

Recorder = Callable[[str, object], None]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A figure that must not fall below a minimum, or not rise above a maximum."""

    gate: str
    name: str
    value: float
    minimum: float | None = None
    maximum: float | None = None

    @property
    def reached(self) -> bool:
        """Tell whether the figure keeps its limit; a figure that is not a number keeps none."""
        above = self.minimum is None or self.value >= self.minimum
        return above and (self.maximum is None or self.value <= self.maximum)

    def __str__(self) -> str:
        limit = f"at least {self.minimum:g}" if self.minimum is not None else f"at most {self.maximum:g}"
        return f"{self.gate}: {self.name} is {self.value:.6g}, must be {limit}"


def limits(gate: str) -> dict[str, dict[str, Any]]:
    """Return the limits of one gate by the name of the figure."""
    baseline: dict[str, dict[str, dict[str, Any]]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return baseline.get(gate, {})


def judge(gate: str, name: str, measured: Mapping[str, float]) -> Mark:
    """Set one measured figure beside its limit."""
    limit = _limit(gate, name, needs="either a minimum or a maximum")
    if len({"minimum", "maximum"} & set(limit)) != 1:
        raise ValueError(f"{BASELINE.name}: {gate}.{name} needs either a minimum or a maximum")
    return Mark(
        gate=gate,
        name=name,
        value=float(measured[name]),
        minimum=limit.get("minimum"),
        maximum=limit.get("maximum"),
    )


def keeps_up(gate: str, name: str, *, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Mark:
    """Set a model's figure beside another's: how far it may fall behind, or must be ahead, is baseline.json's."""
    room = _room(gate, name)
    if name in LOWER_IS_BETTER:
        return Mark(gate=gate, name=name, value=ours[name], maximum=round(theirs[name] + room, 6))
    return Mark(gate=gate, name=name, value=ours[name], minimum=round(theirs[name] - room, 6))


def _limit(gate: str, name: str, *, needs: str) -> dict[str, Any]:
    """Return one figure's limit, or say that baseline.json lacks it."""
    found = limits(gate).get(name)
    if found is None:
        raise ValueError(f"{BASELINE.name}: {gate}.{name} is missing, which this gate asks for; it needs {needs}")
    return found


def _room(gate: str, name: str) -> float:
    limit = _limit(gate, name, needs="either a maximum_drop or a minimum_gain")
    bounds = {"maximum_drop": 1, "minimum_gain": -1}
    given = [sign * limit[bound] for bound, sign in bounds.items() if bound in limit]
    if len(given) != 1:
        raise ValueError(f"{BASELINE.name}: {gate}.{name} needs either a maximum_drop or a minimum_gain")
    return float(given[0])


def require(mark: Mark, record: Recorder) -> None:
    """Record the mark for the test stage's report, and fail when it is missed."""
    limit = {key: value for key, value in asdict(mark).items() if value is not None}
    record("mark", json.dumps(limit))

    assert mark.reached, str(mark)
