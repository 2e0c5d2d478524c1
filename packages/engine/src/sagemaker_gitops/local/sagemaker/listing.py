"""List, Search and tags: how resources are found, sorted, paged and labelled."""

import base64
import binascii
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sagemaker_gitops.local.server.context import Call, Document, Place, invalid, unsupported
from sagemaker_gitops.local.server.persistence import Store


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How one kind of resource is listed."""

    result: str
    name: str
    status: str = ""
    descending: bool = True
    sort_keys: tuple[tuple[str, str], ...] = ()

    def page(self, documents: Sequence[Document], params: Document) -> Document:
        """Return one page of the documents that pass the request's filters."""
        order = params.get("SortOrder", "Descending" if self.descending else "Ascending")
        key = self._sort_key(params.get("SortBy", "CreationTime"))
        kept = sorted((d for d in documents if self._passes(d, params)), key=lambda d: d.get(key) or 0)
        return paged(self.result, kept[::-1] if order == "Descending" else kept, params)

    def _sort_key(self, sort_by: str) -> str:
        named = {"Name": self.name, "Status": self.status, **dict(self.sort_keys)}
        return named.get(sort_by, sort_by)

    def _passes(self, document: Document, params: Document) -> bool:
        wanted = params.get("StatusEquals")
        return (
            params.get("NameContains", "").lower() in str(document.get(self.name, "")).lower()
            and wanted in {None, document.get(self.status)}
            and _within(document, params, "CreationTime")
            and _within(document, params, "LastModifiedTime")
        )


def paged(result: str, items: Sequence[Document], params: Document) -> Document:
    """Return the page of a list that the request's token and size ask for."""
    start = _offset(params.get("NextToken"))
    end = start + params.get("MaxResults", 100)
    token = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return {result: list(items[start:end]), "NextToken": token}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise invalid("Invalid NextToken.") from None


def _within(document: Document, params: Document, field: str) -> bool:
    moment = document.get(field) or 0.0
    after, before = params.get(f"{field}After"), params.get(f"{field}Before")
    return (after is None or moment >= float(after)) and (before is None or moment <= float(before))


KIND = "tags"
_LIMIT = 50


class Tags:
    """AddTags, ListTags, DeleteTags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def of(self, place: Place, arn: str) -> dict[str, str]:
        """Return the tags of a resource."""
        return dict(self._store.find(place, KIND, arn) or {})

    def put(self, place: Place, arn: str, tags: list[dict[str, str]]) -> None:
        """Add tags to a resource."""
        merged = {**self.of(place, arn), **{t["Key"]: t["Value"] for t in tags}}
        if reserved := [k for k in merged if k.lower().startswith("aws:")]:
            raise invalid(f"Tag keys must not start with aws: {', '.join(reserved)}")
        if len(merged) > _LIMIT:
            raise invalid(f"A resource has at most {_LIMIT} tags.")
        if merged:
            self._store.put(place, KIND, arn, merged)

    def forget(self, place: Place, arn: str) -> None:
        """Drop the tags of a resource that is deleted."""
        self._store.remove(place, KIND, arn)

    def add(self, call: Call) -> Document:
        """AddTags."""
        arn = self._tagged(call)
        if ":model-package/" in arn and "/" in arn.split(":model-package/")[1]:
            raise invalid("Tags cannot be added to a versioned model package; tag its model package group.")
        self.put(call.place, arn, call.params["Tags"])
        return {"Tags": _shown(self.of(call.place, arn))}

    def list(self, call: Call) -> Document:
        """ListTags."""
        return paged("Tags", _shown(self.of(call.place, self._tagged(call))), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteTags."""
        arn = self._tagged(call)
        left = {k: v for k, v in self.of(call.place, arn).items() if k not in call.params["TagKeys"]}
        self._store.put(call.place, KIND, arn, left)
        return {}

    def _tagged(self, call: Call) -> str:
        arn = str(call.params["ResourceArn"])
        kind, _, name = arn.rpartition(":")[2].partition("/")
        key = arn if kind == "model-package" else name
        if self._store.find(call.place, kind, key) is None:
            raise invalid(f"Resource {arn} does not exist.")
        return arn


def _shown(tags: dict[str, str]) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


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
