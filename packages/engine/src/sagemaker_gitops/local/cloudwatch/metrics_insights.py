"""CloudWatch Metrics Insights: one aggregate over every metric that a WHERE clause takes."""

from collections.abc import Mapping
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.cloudwatch.metrics import Series
from sagemaker_gitops.local.server.refusal import unsupported

_STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_QUERY = regex.compile(
    r"SELECT (?P<function>AVG|COUNT|MAX|MIN|SUM)\((?P<metric>\w+)\) "
    r'FROM SCHEMA\("(?P<namespace>[^"]+)", (?P<dimensions>\w+(?:, \w+)*)\)'
    r"(?: WHERE (?P<conditions>\w+ = '[^']*'(?: AND \w+ = '[^']*')*))?"
)
_CONDITION = regex.compile(r"(\w+) = '([^']*)'")


@dataclass(frozen=True, kw_only=True)
class Query:
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


def is_query(expression: str) -> bool:
    """Return whether an expression is a query rather than metric math."""
    return expression.lstrip().startswith("SELECT ")


def parse(expression: str) -> Query:
    """Read a query; what goes beyond one aggregate with equalities is refused."""
    found = _QUERY.fullmatch(" ".join(expression.split()))
    if found is None:
        raise unsupported(f"the Metrics Insights query {expression}")
    return Query(
        statistic=_STATISTICS[found["function"]],
        metric=found["metric"],
        namespace=found["namespace"],
        dimensions=frozenset(found["dimensions"].split(", ")),
        values=dict(_CONDITION.findall(found["conditions"] or "")),
    )
