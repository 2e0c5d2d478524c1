"""Search: resources by any of their properties, metadata and tags included."""

import operator
from collections.abc import Callable

from sagemaker_gitops.local.sagemaker.listing import paged
from sagemaker_gitops.local.sagemaker.tags import Tags
from sagemaker_gitops.local.server.context import Call, Document, Place
from sagemaker_gitops.local.server.refusal import invalid, unsupported
from sagemaker_gitops.local.server.store import Store

_KINDS = {
    "TrainingJob": ("training-job", "TrainingJobArn"),
    "ModelPackage": ("model-package", "ModelPackageArn"),
    "ModelPackageGroup": ("model-package-group", "ModelPackageGroupArn"),
    "Endpoint": ("endpoint", "EndpointArn"),
    "Model": ("model", "ModelArn"),
    "FeatureGroup": ("feature-group", "FeatureGroupArn"),
}
_ORDERED: dict[str, Callable[[float, float], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class Search:
    """The Search operation."""

    def __init__(self, store: Store, tags: Tags) -> None:
        self._store = store
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {"Search": self.search}

    def search(self, call: Call) -> Document:
        """Return the resources of one kind that a search expression finds."""
        resource = call.params["Resource"]
        if resource not in _KINDS:
            raise unsupported(f"Search of {resource}")
        kind, arn = _KINDS[resource]
        tagged = [self._with_tags(call.place, item, arn) for item in self._store.all(call.place, kind)]
        found = [item for item in tagged if _holds(call.params.get("SearchExpression", {}), item)]
        key = call.params.get("SortBy", "LastModifiedTime")
        latest_first = call.params.get("SortOrder", "Descending") == "Descending"
        found.sort(key=lambda item: str(_property(item, key) or item["CreationTime"]), reverse=latest_first)
        page = paged("Results", [{resource: item} for item in found], call.params)
        return {**page, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}}

    def _with_tags(self, place: Place, item: Document, arn: str) -> Document:
        tags = self._tags.of(place, item[arn])
        return {**item, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _holds(expression: Document, item: Document) -> bool:
    if "NestedFilters" in expression:
        raise unsupported("NestedFilters of Search")
    results = [_passes(wanted, item) for wanted in expression.get("Filters", [])]
    results += [_holds(inner, item) for inner in expression.get("SubExpressions", [])]
    if not results:
        return True
    return any(results) if expression.get("Operator") == "Or" else all(results)


def _passes(wanted: Document, item: Document) -> bool:
    value, operation, given = (
        _property(item, wanted["Name"]),
        str(wanted.get("Operator", "Equals")),
        wanted.get("Value"),
    )
    if operation in {"Exists", "NotExists"}:
        return (value is not None) is (operation == "Exists")
    if given is None:
        raise invalid(f"Filter {wanted['Name']} with operator {operation} needs a value.")
    if operation in _ORDERED:
        return value is not None and _ORDERED[operation](_number(value), _number(given))
    text = _text(value)
    matches: dict[str, bool] = {
        "Equals": text == given,
        "NotEquals": text != given,
        "Contains": text is not None and given in text,
        "In": text in given.split(","),
    }
    return matches[operation]


def _property(item: Document, name: str) -> object:
    """Return a property by its dotted name; tags and metrics are found by their key."""
    head, _, rest = name.partition(".")
    if head == "Tags":
        return next((tag["Value"] for tag in item["Tags"] if tag["Key"] == rest), None)
    if head == "Metrics":
        metrics = item.get("FinalMetricDataList", [])
        return next((metric["Value"] for metric in metrics if metric["MetricName"] == rest), None)
    value = item.get(head)
    return value.get(rest) if rest and isinstance(value, dict) else value


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise invalid(f"{value!r} is not a number, so it cannot be compared.") from None
