"""What GetMetricData asks for: statistics of metrics, Metrics Insights, and expressions over both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.cloudwatch.metric_math import Math, Points
from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, Series, compute, is_known_statistic, series_of
from sagemaker_gitops.local.server.context import Document, Place, Refusal, unsupported

_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_QUERY = regex.compile(
    r"SELECT (?P<function>AVG|COUNT|MAX|MIN|SUM)\((?P<metric>\w+)\) "
    r'FROM SCHEMA\("(?P<namespace>[^"]+)", (?P<dimensions>\w+(?:, \w+)*)\)'
    r"(?: WHERE (?P<conditions>\w+ = '[^']*'(?: AND \w+ = '[^']*')*))?"
)
_CONDITION = regex.compile(r"(\w+) = '([^']*)'")


@dataclass(frozen=True, kw_only=True)
class InsightsQuery:
    """Which metrics are taken together, and by which statistic."""

    statistic: str
    metric: str
    namespace: str
    dimensions: frozenset[str]
    values: Mapping[str, str]

    def takes(self, key: Series) -> bool:
        """Return whether a metric is one of those asked for."""
        own = dict(key.dimensions)
        named = (key.namespace, key.name) == (self.namespace, self.metric) and set(own) == self.dimensions
        return named and all(own.get(name) == value for name, value in self.values.items())


def is_insights_query(expression: str) -> bool:
    """Return whether an expression is a query rather than metric math."""
    return expression.lstrip().startswith("SELECT ")


def parse_insights(expression: str) -> InsightsQuery:
    """Read a query; what goes beyond one aggregate with equalities is refused."""
    found = _QUERY.fullmatch(" ".join(expression.split()))
    if found is None:
        raise unsupported(f"the Metrics Insights query {expression}")
    return InsightsQuery(
        statistic=_STATISTICS[found["function"]],
        metric=found["metric"],
        namespace=found["namespace"],
        dimensions=frozenset(found["dimensions"].split(", ")),
        values=dict(_CONDITION.findall(found["conditions"] or "")),
    )


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
    return series_of(place, described["Namespace"], described["MetricName"], dimensions)


def answer(metrics: Metrics, place: Place, queries: list[Document], window: Window) -> list[Answered]:
    """Answer queries in the order in which they depend on each other."""
    _check_ids(queries)
    found: dict[str, Points] = {}
    for query in queries:
        if "MetricStat" in query:
            found[query["Id"]] = _statistic(metrics, place, query["MetricStat"], window)
        elif is_insights_query(query["Expression"]):
            found[query["Id"]] = _selected(metrics, place, query, window)
    moments = tuple(sorted({moment for points in found.values() for moment in points}))
    for query in queries:
        if query["Id"] not in found:
            found[query["Id"]] = Math(series=dict(found), periods=moments).evaluate(query["Expression"])
    return [
        Answered(id=q["Id"], label=_label(q), points=found[q["Id"]], returned=q.get("ReturnData", True))
        for q in queries
    ]


def check_expressions(queries: list[Document]) -> None:
    """Refuse queries whose ids or expressions would not be answered, without looking at any data."""
    _check_ids(queries)
    series = {query["Id"]: {0.0: 1.0} for query in queries}
    for query in queries:
        if is_insights_query(query.get("Expression", "")):
            parse_insights(query["Expression"])
        elif "Expression" in query:
            Math(series=series, periods=(0.0,)).evaluate(query["Expression"])


def _check_ids(queries: list[Document]) -> None:
    ids = [query["Id"] for query in queries]
    if len(ids) != len(set(ids)):
        raise Refusal("ValidationError", f"Query ids must be unique: {', '.join(ids)}.")
    for query in queries:
        if ("MetricStat" in query) == ("Expression" in query):
            raise Refusal("ValidationError", f"Query {query['Id']} needs either MetricStat or Expression.")


def _statistic(metrics: Metrics, place: Place, stat: Document, window: Window) -> Points:
    if not is_known_statistic(stat["Stat"]):
        raise Refusal("ValidationError", f"The value {stat['Stat']} for parameter Stat is not supported.")
    described = {"Dimensions": [], **stat["Metric"]}
    data = metrics.between(metric_of(place, described), window.start, window.end)
    if unit := stat.get("Unit"):
        data = [datum for datum in data if datum.unit == unit]
    return {start: compute(stat["Stat"], part) for start, part in window.cut(data, stat["Period"]).items()}


def _selected(metrics: Metrics, place: Place, query: Document, window: Window) -> Points:
    selected = parse_insights(query["Expression"])
    chosen = [key for key in metrics.known(place) if selected.takes(key)]
    data = [datum for key in chosen for datum in metrics.between(key, window.start, window.end)]
    periods = window.cut(data, query.get("Period", 60))
    return {start: compute(selected.statistic, part) for start, part in periods.items()}


def _label(query: Document) -> str:
    name = query["MetricStat"]["Metric"].get("MetricName") if "MetricStat" in query else query["Id"]
    return str(query.get("Label", name))
