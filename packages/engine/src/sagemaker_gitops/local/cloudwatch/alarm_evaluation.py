"""What an alarm's state is, given its definition and the data: a pure evaluation."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sagemaker_gitops.local.cloudwatch.metric_queries import Window, answer
from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, fewest_samples
from sagemaker_gitops.local.server.context import Clock, Document, Place

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The state that an alarm should be in, and why."""

    state: State
    reason: str


def supported(alarm: Document) -> bool:
    """Return whether an alarm can be evaluated here: a static threshold, no anomaly band."""
    return alarm.get("ComparisonOperator") in _COMPARE and "Threshold" in alarm


def evaluate(metrics: Metrics, place: Place, alarm: Document, *, clock: Clock, now: float) -> Evaluation | None:
    """Return an alarm's state at a moment; None when it stays what it is."""
    values = _values(metrics, place, alarm, clock, now)
    if alarm.get("EvaluateLowSampleCountPercentile") == "ignore":
        counts = _values(metrics, place, {**alarm, "ExtendedStatistic": "SampleCount"}, clock, now)
        # Without any sample data is missing, for which the alarm has a treatment of its own.
        if 0 < sum(count or 0 for count in counts) < fewest_samples(alarm["ExtendedStatistic"]):
            return None
    return state_of(alarm, values)


def state_of(alarm: Document, values: Sequence[float | None]) -> Evaluation | None:
    """Return the state that follows from the last periods' values, None for a period without data."""
    treatment = alarm.get("TreatMissingData", "missing")
    compare, threshold = _COMPARE[alarm["ComparisonOperator"]], alarm["Threshold"]
    present = [value for value in values if value is not None]
    if not present and treatment in {"missing", "ignore"}:
        return None if treatment == "ignore" else _unknown(len(values))
    hits = [compare(v, threshold) if v is not None else treatment == "breaching" for v in values]
    needed = alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
    state: State = "ALARM" if sum(hits) >= needed else "OK"
    shown = ", ".join(f"{value:g}" for value in present) or "none"
    return Evaluation(
        state=state,
        reason=(
            f"Threshold Crossed: {sum(hits)} out of the last {len(values)} datapoints [{shown}] "
            f"{'were' if state == 'ALARM' else 'were not enough'} {alarm['ComparisonOperator']} ({threshold:g}); "
            f"{needed} needed for an alarm."
        ),
    )


def _unknown(periods: int) -> Evaluation:
    return Evaluation(state="INSUFFICIENT_DATA", reason=f"Insufficient Data: {periods} datapoints were unknown.")


def _values(metrics: Metrics, place: Place, alarm: Document, clock: Clock, now: float) -> list[float | None]:
    """Return the value of each period up to now, the oldest first. Periods are simulated seconds."""
    queries, period = _queries(alarm)
    count = alarm["EvaluationPeriods"]
    length = clock.real(period)

    def cut(data: Sequence[Datum], _period: float) -> dict[float, list[Datum]]:
        parts: dict[float, list[Datum]] = {}
        for datum in data:
            parts.setdefault(float(min(count - 1, int((now - datum.time) / length))), []).append(datum)
        return parts

    window = Window(start=now - length * count, end=now, cut=cut)
    points = next(a.points for a in answer(metrics, place, queries, window) if a.returned)
    return [points.get(float(age)) for age in reversed(range(count))]


def _queries(alarm: Document) -> tuple[list[Document], float]:
    if metrics := alarm.get("Metrics"):
        periods = [q.get("MetricStat", q)["Period"] for q in metrics if "Period" in q.get("MetricStat", q)]
        return metrics, max(periods, default=60)
    stat = {
        "Metric": {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm},
        "Period": alarm["Period"],
        "Unit": alarm.get("Unit"),
        "Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"],
    }
    return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}], float(alarm["Period"])
