"""CloudWatch's metric operations, in both protocols that clients speak: Smithy RPC v2 CBOR, and JSON.

Moto fails on percentiles and metric math, so these operations and their data are not moto's; dashboards and
alarm definitions are. Data is kept at full resolution: a query counts exactly the samples between its two
times, where AWS counts whole minutes.
"""

import datetime as dt
import gzip
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence

import cbor2
from botocore.model import ListShape, Shape, StructureShape
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.cloudwatch.metric_queries import Window, answer, metric_of
from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, Series, by_period, compute, is_known_statistic
from sagemaker_gitops.local.sagemaker.listing import paged
from sagemaker_gitops.local.server import model, protocols
from sagemaker_gitops.local.server.context import Call, Caller, Document, Refusal, unsupported
from sagemaker_gitops.local.server.protocols import Signature
from sagemaker_gitops.local.server.service import Handler

_MAX_DATAPOINTS = 1440
_SHORT_PERIODS = frozenset({1, 5, 10, 20, 30})
_PAGE = 500


class CloudWatch:
    """PutMetricData, GetMetricData, GetMetricStatistics, ListMetrics."""

    def __init__(self, metrics: Metrics, flush: Callable[[], None]) -> None:
        self._metrics = metrics
        self._flush = flush

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "PutMetricData": self.put,
            "GetMetricData": self.get,
            "GetMetricStatistics": self.statistics,
            "ListMetrics": self.list,
        }

    def put(self, call: Call) -> Document:
        """PutMetricData."""
        namespace = call.params["Namespace"]
        if namespace.startswith("AWS/"):
            raise Refusal("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
        if "EntityMetricData" in call.params:
            raise unsupported("EntityMetricData of PutMetricData")
        self._metrics.put(
            (metric_of(call.place, {**described, "Namespace": namespace}), _datum(described, number))
            for number, described in enumerate(call.params.get("MetricData", []), 1)
        )
        return {}

    def get(self, call: Call) -> Document:
        """GetMetricData."""
        self._flush()
        params = call.params
        for query in params["MetricDataQueries"]:
            _check_period(query.get("MetricStat", query).get("Period", 60))
        window = Window(start=params["StartTime"], end=params["EndTime"], cut=by_period)
        _check_span(window.start, window.end)
        answered = answer(self._metrics, call.place, params["MetricDataQueries"], window)
        oldest_first = params.get("ScanBy") == "TimestampAscending"
        return {
            "MetricDataResults": [
                {
                    "Id": found.id,
                    "Label": found.label,
                    "Timestamps": (moments := sorted(found.points, reverse=not oldest_first)),
                    "Values": [found.points[moment] for moment in moments],
                    "StatusCode": "Complete",
                }
                for found in answered
                if found.returned
            ],
            "Messages": [],
        }

    def statistics(self, call: Call) -> Document:
        """GetMetricStatistics."""
        self._flush()
        params, names = call.params, _statistics_asked(call.params)
        start, end, period = params["StartTime"], params["EndTime"], params["Period"]
        _check_period(period)
        _check_span(start, end, code="InvalidParameterValue")
        if math.ceil((end - start) / period) > _MAX_DATAPOINTS:
            raise Refusal(
                "InvalidParameterCombination",
                f"You have requested up to {math.ceil((end - start) / period)} datapoints, which exceeds the limit "
                f"of {_MAX_DATAPOINTS}. You may reduce the datapoints requested by increasing Period, or decreasing "
                "the time range.",
            )
        data = self._metrics.between(metric_of(call.place, params), start, end)
        data = [datum for datum in data if params.get("Unit") in {None, datum.unit}]
        points = [_datapoint(moment, part, names) for moment, part in by_period(data, period).items()]
        return {"Label": params["MetricName"], "Datapoints": points}

    def list(self, call: Call) -> Document:
        """ListMetrics."""
        self._flush()
        found = [_listed(key) for key in self._metrics.known(call.place) if _matches(key, call.params)]
        return paged("Metrics", found, {**call.params, "MaxResults": _PAGE})


# What each element of MetricData may say how often; values beyond these magnitudes are refused.
_SAYING = ("Value", "Values", "StatisticValues")
_LARGEST, _MOST_VALUES = 2.0**360, 150
_OLDEST_SECONDS, _LATEST_SECONDS = 14 * 86_400, 2 * 3600


def _datum(described: Document, number: int) -> Datum:
    """Read one element of MetricData. Source: CloudWatch API Reference, "MetricDatum"."""
    where, given = f"MetricData.member.{number}", [name for name in _SAYING if name in described]
    if len(given) > 1:
        named = " and ".join(f"{where}.{name}" for name in given)
        message = f"The parameters {named} are mutually exclusive and you have specified both."
        raise Refusal("InvalidParameterCombination", message)
    if not given:
        message = (
            f"At least one of the parameters {', '.join(f'{where}.{name}' for name in _SAYING)} must be specified."
        )
        raise Refusal("MissingParameter", message)
    if described.get("StorageResolution", 60) not in {1, 60}:
        raise Refusal("InvalidParameterValue", f"{where}.StorageResolution must be 1 or 60.")
    moment = float(described.get("Timestamp", time.time()))
    if not time.time() - _OLDEST_SECONDS <= moment <= time.time() + _LATEST_SECONDS:
        message = f"The parameter {where}.Timestamp must be from the past two weeks to the next two hours."
        raise Refusal("InvalidParameterValue", message)
    unit = described.get("Unit", "None")
    if "StatisticValues" in described:
        return _from_statistics(described["StatisticValues"], moment, unit)
    values = described.get("Values", [described.get("Value")])
    counts = described.get("Counts", [1.0] * len(values))
    if len(values) != len(counts):
        message = f"The parameters {where}.Values and {where}.Counts must be of the same size."
        raise Refusal("InvalidParameterValue", message)
    if len(values) > _MOST_VALUES or not all(abs(value) <= _LARGEST for value in values):
        message = f"{where}: at most {_MOST_VALUES} values, each a number between -2^360 and 2^360."
        raise Refusal("InvalidParameterValue", message)
    return Datum(time=moment, values=tuple(values), counts=tuple(counts), unit=unit)


def _from_statistics(given: Document, moment: float, unit: str) -> Datum:
    """Return a set of statistics as it was given. No percentile is known of it, unless it says all of one value."""
    count, total, low, high = (float(given[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
    if count <= 0 or low > high:
        raise Refusal("InvalidParameterValue", "A set of statistics needs samples, and Minimum at most Maximum.")
    if low == high and total == low * count:
        return Datum(time=moment, values=(low,), counts=(count,), unit=unit)
    return Datum(time=moment, values=(low, total / count, high), counts=(0.0, count, 0.0), unit=unit)


def _check_period(period: int) -> None:
    if period not in _SHORT_PERIODS and (period < 60 or period % 60):
        raise Refusal(
            "InvalidParameterValue", f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60: {period}."
        )


def _check_span(start: float, end: float, *, code: str = "ValidationError") -> None:
    if start >= end:
        raise Refusal(code, "The parameter StartTime must be less than the parameter EndTime.")


def _statistics_asked(params: Document) -> Sequence[str]:
    names: list[str] = [*params.get("Statistics", []), *params.get("ExtendedStatistics", [])]
    if not names:
        raise Refusal("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    if unknown := [name for name in names if not is_known_statistic(name)]:
        raise Refusal("InvalidParameterValue", f"Unsupported statistics: {', '.join(unknown)}")
    return names


def _datapoint(moment: float, data: Sequence[Datum], names: Sequence[str]) -> Document:
    values = {name: compute(name, data) for name in names}
    extended = {name: value for name, value in values.items() if name.startswith("p")}
    basic = {name: value for name, value in values.items() if name not in extended}
    return {"Timestamp": moment, "Unit": data[0].unit, **basic, "ExtendedStatistics": extended or None}


def _matches(key: Series, params: Document) -> bool:
    dimensions = dict(key.dimensions)
    wanted: Iterator[Document] = iter(params.get("Dimensions", []))
    return (
        params.get("Namespace") in {None, key.namespace}
        and params.get("MetricName") in {None, key.name}
        and all(d["Name"] in dimensions and d.get("Value") in {None, dimensions[d["Name"]]} for d in wanted)
    )


def _listed(key: Series) -> Document:
    dimensions = [{"Name": name, "Value": value} for name, value in key.dimensions]
    return {"Namespace": key.namespace, "MetricName": key.name, "Dimensions": dimensions}


_SERVICE = "cloudwatch"
_TARGET = "GraniteServiceVersion20100801"


class CborCloudWatch:
    """CloudWatch's metric operations as boto3 and the AWS CLI send them."""

    name = "monitoring"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the path, if it is implemented here."""
        prefix = f"/service/{_TARGET}/operation/"
        name = request.path.removeprefix(prefix) if request.path.startswith(prefix) else None
        return name if name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        try:
            body = _plain(request)
            decoded = _with_epochs(cbor2.loads(body) if body else {})
        except cbor2.CBORDecodeError as problem:
            raise Refusal("SerializationException", f"The request body is not CBOR: {problem}") from None
        return model.check(model.operation(_SERVICE, operation), decoded)

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        described = model.operation(_SERVICE, operation)
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        document = _with_datetimes(described.output_shape, model.answer(described, result))
        return protocols.cbor_response(document if isinstance(document, dict) else {})


class JsonCloudWatch:
    """CloudWatch's metric operations in AWS JSON."""

    name = "monitoring"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the target header, if it is implemented here."""
        service, _, name = request.headers.get("X-Amz-Target", "").partition(".")
        return name if service == _TARGET and name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        return model.check(model.operation(_SERVICE, operation), json.loads(_plain(request) or b"{}"))

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return protocols.json_response(model.answer(model.operation(_SERVICE, operation), result))


def _plain(request: Request) -> bytes:
    """Return the body; boto3 compresses PutMetricData from 10 KiB on."""
    body = request.get_data()
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


def _with_epochs(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_epochs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_epochs(item) for item in value]
    return value.timestamp() if isinstance(value, dt.datetime) else value


def _with_datetimes(shape: Shape | None, value: object) -> object:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {key: _with_datetimes(shape.members[key], item) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_with_datetimes(shape.member, item) for item in value]
    if shape is not None and shape.type_name == "timestamp" and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return value
