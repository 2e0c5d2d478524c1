"""PutMetricAlarm: which definitions CloudWatch takes, and which of them are evaluated here. Moto would keep any.

Source: CloudWatch API Reference, "PutMetricAlarm".
"""

from collections.abc import Iterator

import regex

from sagemaker_gitops.local.cloudwatch.metric_queries import check_expressions
from sagemaker_gitops.local.cloudwatch.metrics import is_known_statistic, is_percentile
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Document, Refusal, unsupported

_STATIC = frozenset(
    {"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}
)
_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_OF_LOW_SAMPLES = ("evaluate", "ignore")
_ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_OF_ONE_METRIC = frozenset(
    {"MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"}
)
_GENERAL = frozenset({"AlarmName", "AlarmDescription", "ActionsEnabled", "EvaluationPeriods", "DatapointsToAlarm"})
_COMPARISON = frozenset({"Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile"})
_PLAYED = _GENERAL | _OF_ONE_METRIC | _COMPARISON | {*_ACTIONS, "Metrics", "Tags"}
_MOST_METRICS = 10
_HOUR, _DAY, _WEEK = 3600, 86_400, 604_800
_ARN = regex.compile(r"arn:aws[\w-]*:[\w-]+:[\w-]*:[\w-]*:.+")
# Trimmed means and their like, which CloudWatch knows and this one does not compute.
_OTHER_STATISTIC = regex.compile(r"(?i)iqm|(tm|tc|ts|wm|pr)[\d(].*")


def check_alarm(params: Document) -> None:
    """Refuse a definition that CloudWatch refuses, or that could not be evaluated here."""
    described = model.operation("cloudwatch", "PutMetricAlarm")
    model.members_only(described, model.check(described, params), _PLAYED)
    if params["ComparisonOperator"] not in _STATIC:
        raise unsupported(f"alarms on anomaly detection: {params['ComparisonOperator']}")
    if problem := next(_problems(params), None):
        raise Refusal("ValidationError", problem)


def _problems(params: Document) -> Iterator[str]:
    if "Threshold" not in params:
        yield "An alarm on a static threshold needs the parameter Threshold."
    if params.get("DatapointsToAlarm", 1) > params["EvaluationPeriods"]:
        yield "DatapointsToAlarm must be less than or equal to EvaluationPeriods."
    if (treatment := params.get("TreatMissingData", "missing")) not in _TREATMENTS:
        supported = ", ".join(_TREATMENTS)
        yield f"The value {treatment} is not supported for TreatMissingData parameter. Supported values: [{supported}]."
    if (samples := params.get("EvaluateLowSampleCountPercentile", "evaluate")) not in _OF_LOW_SAMPLES:
        yield f"EvaluateLowSampleCountPercentile must be {' or '.join(_OF_LOW_SAMPLES)}: {samples}."
    elif samples == "ignore" and not is_percentile(params.get("ExtendedStatistic", "")):
        raise unsupported("EvaluateLowSampleCountPercentile of anything but one metric's percentile")
    yield from _problems_of_actions(params)
    if ("MetricName" in params) == ("Metrics" in params):
        yield "Exactly one of the parameters MetricName and Metrics must be given."
    elif "Metrics" in params:
        yield from _problems_of_queries(params)
    else:
        yield from _problems_of_metric(params)


def _problems_of_actions(params: Document) -> Iterator[str]:
    for arn in (arn for name in _ACTIONS for arn in params.get(name, [])):
        if not _ARN.fullmatch(arn):
            yield f"Invalid arn syntax: {arn}"
        if arn.split(":")[2] != "sns":
            raise unsupported(f"the alarm action {arn}")


def _problems_of_metric(params: Document) -> Iterator[str]:
    if missing := [name for name in ("Namespace", "Period") if name not in params]:
        yield f"An alarm on a metric needs the parameters {', '.join(missing)}."
    elif ("Statistic" in params) == ("ExtendedStatistic" in params):
        yield "Exactly one of the parameters Statistic and ExtendedStatistic must be given."
    else:
        yield from _problems_of_statistic(str(params.get("ExtendedStatistic", params.get("Statistic"))))
        yield from _problems_of_span(params["Period"], params["EvaluationPeriods"])


def _problems_of_queries(params: Document) -> Iterator[str]:
    queries = params["Metrics"]
    if both := sorted(_OF_ONE_METRIC & set(params)):
        yield f"The parameters {', '.join(both)} cannot be given together with Metrics."
    if len(queries) > _MOST_METRICS:
        yield f"Metrics has more than {_MOST_METRICS} elements."
    if sum(query.get("ReturnData", True) for query in queries) != 1:
        yield "Exactly one element of the metrics list should return data."
    if any("AccountId" in query for query in queries):
        raise unsupported("AccountId of an alarm's queries")
    check_expressions(queries)
    yield from (
        problem for q in queries if "MetricStat" in q for problem in _problems_of_statistic(q["MetricStat"]["Stat"])
    )
    periods = {q.get("MetricStat", q)["Period"] for q in queries if "Period" in q.get("MetricStat", q)}
    if len(periods) > 1:
        raise unsupported(f"an alarm over several periods: {sorted(periods)}")
    yield from _problems_of_span(next(iter(periods), 60), params["EvaluationPeriods"])


def _problems_of_statistic(name: str) -> Iterator[str]:
    if _OTHER_STATISTIC.fullmatch(name):
        raise unsupported(f"the statistic {name}")
    if not is_known_statistic(name):
        yield f"The value {name} for the statistic is not supported."


def _problems_of_span(period: int, count: int) -> Iterator[str]:
    if period not in {10, 20, 30} and period % 60:
        yield f"Period must be 10, 20, 30 or a multiple of 60: {period}."
    longest = _DAY if period < _HOUR else _WEEK
    if (span := period * count) > longest:
        yield f"Metrics cannot be checked across more than {longest} seconds (EvaluationPeriods * Period): {span}."
