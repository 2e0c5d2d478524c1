"""The values of a pipeline definition: parameters, properties of earlier steps, joined texts (its JSON schema)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid, unsupported

_WORD = regex.compile(r"\.?([A-Za-z0-9_-]+)|\[(?:'([^']*)'|(\d+))\]")
_TYPES: Mapping[str, type] = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
# A list whose elements a reference names by this member.
_NAMED = {"FinalMetricDataList": "MetricName"}
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What references of one execution can name."""

    parameters: Mapping[str, object]
    execution: Mapping[str, str]
    steps: dict[str, Document]

    def resolve(self, value: object) -> object:
        """Return a value with every reference in it followed."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Get"}:
            return self._get(str(value["Get"]))
        if set(value) == {"Std:Join"}:
            join = value["Std:Join"]
            return str(join["On"]).join(str(self.resolve(item)) for item in join["Values"])
        return {key: self.resolve(item) for key, item in value.items()}

    def holds(self, condition: Document) -> bool:
        """Decide a condition."""
        kind = condition["Type"]
        if kind == "Not":
            return not self.holds(condition["Expression"])
        if kind == "Or":
            return any(self.holds(item) for item in condition["Conditions"])
        if kind == "In":
            return self.resolve(condition["QueryValue"]) in [self.resolve(item) for item in condition["Values"]]
        left, right = self.resolve(condition["LeftValue"]), self.resolve(condition["RightValue"])
        if kind == "Equals":
            return left == right
        return _ORDER[kind](float(str(left)), float(str(right)))

    def _get(self, reference: str) -> object:
        root, *path = parts(reference)
        found: object = {"Parameters": self.parameters, "Execution": self.execution, "Steps": self.steps}[root]
        for previous, word in zip([root, *path], path, strict=False):
            found = _step_into(found, word, named_by=_NAMED.get(previous))
            if found is None:
                raise invalid(f"Unable to resolve the reference {reference}: there is no {word}.")
        return found


def parts(reference: str) -> list[str]:
    """Split a reference: Steps.train.FinalMetricDataList['test:accuracy'].Value."""
    words = ["".join(found) for found in _WORD.findall(reference)]
    if _WORD.sub("", reference) or not words or words[0] not in {"Parameters", "Execution", "Steps"}:
        raise unsupported(f"the reference {reference} in a pipeline definition")
    return words


def references(value: object) -> Iterator[list[str]]:
    """Yield every reference in a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield parts(str(value["Get"]))
        elif beyond := [key for key in value if key.startswith("Std:") and key != "Std:Join"]:
            raise unsupported(f"{beyond[0]} in a pipeline definition")
        else:
            yield from (found for item in value.values() for found in references(item))
    elif isinstance(value, list):
        yield from (found for item in value for found in references(item))


def check_condition(condition: Document) -> None:
    """Refuse a condition that could not be decided."""
    kind = condition.get("Type")
    if kind == "Not":
        check_condition(condition["Expression"])
    elif kind == "Or":
        for item in condition["Conditions"]:
            check_condition(item)
    elif kind not in {*_ORDER, "Equals", "In"}:
        raise invalid(f"Unknown condition type {kind}.")


def given(declared: list[Document], passed: list[Document]) -> dict[str, object]:
    """Return an execution's parameters: what was passed, else the defaults."""
    known = {item["Name"]: item for item in declared}
    values = {item["Name"]: item["Value"] for item in passed}
    if unknown := sorted(set(values) - set(known)):
        raise invalid(f"Invalid pipeline parameters: {', '.join(unknown)} are not declared by the pipeline.")
    found = {**{name: item["DefaultValue"] for name, item in known.items() if "DefaultValue" in item}, **values}
    if missing := sorted(set(known) - set(found)):
        raise invalid(f"Missing values for the pipeline parameters {', '.join(missing)}.")
    return {name: _typed(known[name], value) for name, value in found.items()}


def _typed(declared: Document, value: object) -> object:
    kind = declared["Type"]
    try:
        typed = str(value).lower() == "true" if kind == "Boolean" else _TYPES[kind](str(value))
    except ValueError:
        raise invalid(f"The value {value!r} of parameter {declared['Name']} is not of type {kind}.") from None
    if "EnumValues" in declared and typed not in declared["EnumValues"]:
        raise invalid(f"The value {value!r} of parameter {declared['Name']} is none of {declared['EnumValues']}.")
    return typed


def _step_into(found: object, word: str, *, named_by: str | None) -> object:
    if isinstance(found, list):
        if named_by:
            return next((item for item in found if item.get(named_by) == word), None)
        return found[int(word)] if word.isdigit() and int(word) < len(found) else None
    return found.get(word) if isinstance(found, Mapping) else None
