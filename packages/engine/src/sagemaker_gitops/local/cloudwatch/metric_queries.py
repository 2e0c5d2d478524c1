"""What GetMetricData asks: statistics of metrics, and expressions over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sagemaker_gitops.local.cloudwatch import metrics_insights as insights
from sagemaker_gitops.local.cloudwatch.metric_math import Math, Points
from sagemaker_gitops.local.cloudwatch.metric_statistics import Datum, compute, known
from sagemaker_gitops.local.cloudwatch.metrics import Metrics, Series, series
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.refusal import Refusal

ByPeriod = Callable[[Sequence[Datum], float], dict[float, list[Datum]]]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A span of time and how it is cut into periods of so many seconds."""

    start: float
    end: float
    cut: ByPeriod


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What one query gave."""

    id: str
    label: str
    points: Points
    returned: bool


def metric_of(place: Place, described: Document) -> Series:
    """Return the series that a request names."""
    dimensions = {d["Name"]: d["Value"] for d in described.get("Dimensions", [])}
    return series(place, described["Namespace"], described["MetricName"], dimensions)


def answer(metrics: Metrics, place: Place, queries: list[Document], window: Window) -> list[Answered]:
    """Answer queries in the order in which they depend on each other."""
    _check_ids(queries)
    found: dict[str, Points] = {}
    for query in queries:
        if "MetricStat" in query:
            found[query["Id"]] = _statistic(metrics, place, query["MetricStat"], window)
        elif insights.is_query(query["Expression"]):
            found[query["Id"]] = _selected(metrics, place, query, window)
    moments = tuple(sorted({moment for points in found.values() for moment in points}))
    for query in queries:
        if query["Id"] not in found:
            found[query["Id"]] = Math(series=dict(found), periods=moments).evaluate(query["Expression"])
    return [
        Answered(id=q["Id"], label=_label(q), points=found[q["Id"]], returned=q.get("ReturnData", True))
        for q in queries
    ]


def _check_ids(queries: list[Document]) -> None:
    ids = [query["Id"] for query in queries]
    if len(ids) != len(set(ids)):
        raise Refusal("ValidationError", f"Query ids must be unique: {', '.join(ids)}.")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise Refusal("ValidationError", f"Query {query['Id']} needs either MetricStat or Expression.")


def _statistic(metrics: Metrics, place: Place, stat: Document, window: Window) -> Points:
    if not known(stat["Stat"]):
        raise Refusal("ValidationError", f"The value {stat['Stat']} for parameter Stat is not supported.")
    described = {"Dimensions": [], **stat["Metric"]}
    data = metrics.between(metric_of(place, described), window.start, window.end)
    if unit := stat.get("Unit"):
        data = [datum for datum in data if datum.unit == unit]
    return {start: compute(stat["Stat"], part) for start, part in window.cut(data, stat["Period"]).items()}


def _selected(metrics: Metrics, place: Place, query: Document, window: Window) -> Points:
    wanted = insights.parse(query["Expression"])
    chosen = [key for key in metrics.known(place) if wanted.takes(key)]
    data = [datum for key in chosen for datum in metrics.between(key, window.start, window.end)]
    periods = window.cut(data, query.get("Period", 60))
    return {start: compute(wanted.statistic, part) for start, part in periods.items()}


def _label(query: Document) -> str:
    name = query["MetricStat"]["Metric"].get("MetricName") if "MetricStat" in query else query["Id"]
    return str(query.get("Label", name))
