"""Pipeline definitions, schema version 2020-12-01: their steps, conditions and references to values."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Document, invalid, unsupported

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
        root, *path = reference_parts(reference)
        found: object = {"Parameters": self.parameters, "Execution": self.execution, "Steps": self.steps}[root]
        for previous, word in zip([root, *path], path, strict=False):
            found = _step_into(found, word, named_by=_NAMED.get(previous))
            if found is None:
                raise invalid(f"Unable to resolve the reference {reference}: there is no {word}.")
        return found


def reference_parts(reference: str) -> list[str]:
    """Split a reference: Steps.train.FinalMetricDataList['test:accuracy'].Value."""
    words = ["".join(found) for found in _WORD.findall(reference)]
    if _WORD.sub("", reference) or not words or words[0] not in {"Parameters", "Execution", "Steps"}:
        raise unsupported(f"the reference {reference} in a pipeline definition")
    return words


def references(value: object) -> Iterator[list[str]]:
    """Yield every reference in a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield reference_parts(str(value["Get"]))
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


def given_parameters(declared: list[Document], passed: list[Document]) -> dict[str, object]:
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


VERSION = "2020-12-01"
_DURATION = regex.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_UNITS = (86_400, 3600, 60, 1)
# What a step of a type calls, and the argument that AWS fills in if it is not given.
CALLS: Mapping[str, tuple[str, str | None]] = {
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "RegisterModel": ("CreateModelPackage", None),
}
_KNOWN = frozenset({"Name", "Type", "Arguments", "DependsOn", "CacheConfig", "DisplayName", "Description"})
_MEMBERS = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"})


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A definition that can be carried out."""

    parameters: list[Document]
    steps: list[Document]


def read_definition(text: str) -> Definition:
    """Read a definition; refuse what AWS refuses, and what is not carried out here."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as err:
        raise invalid(f"The pipeline definition is not valid JSON: {err}") from None
    if not isinstance(document, dict) or document.get("Version") != VERSION:
        raise invalid(f"The pipeline definition must have version {VERSION}.")
    if beyond := sorted(set(document) - _MEMBERS):
        raise invalid(f"Unknown members of the pipeline definition: {', '.join(beyond)}.")
    definition = Definition(parameters=document.get("Parameters", []), steps=document.get("Steps", []))
    if not definition.steps:
        raise invalid("A pipeline needs at least one step.")
    _check_names(definition)
    for step in every_step(definition.steps):
        _check_step(step)
    return definition


def every_step(steps: list[Document]) -> Iterator[Document]:
    """Yield each step, those behind conditions too."""
    for step in steps:
        yield step
        if step.get("Type") == "Condition":
            arguments = step.get("Arguments", {})
            yield from every_step(arguments.get("IfSteps", []))
            yield from every_step(arguments.get("ElseSteps", []))


def needed_steps(step: Document) -> set[str]:
    """Name the steps that must have succeeded before one can start."""
    arguments = step.get("Arguments", {})
    own = arguments.get("Conditions", []) if step["Type"] == "Condition" else arguments
    return {words[1] for words in references(own) if words[0] == "Steps"} | set(step.get("DependsOn", []))


def duration_seconds(duration: str) -> float:
    """Return how long a cached step is good for: an ISO 8601 duration of days, hours, minutes, seconds."""
    found = _DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        raise unsupported(f"CacheConfig.ExpireAfter {duration}: only days, hours, minutes and seconds")
    return sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))


def _check_names(definition: Definition) -> None:
    names = [step.get("Name", "") for step in every_step(definition.steps)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"Step names must be unique within a pipeline: {', '.join(double)}.")
    declared = {item["Name"] for item in definition.parameters}
    for step in every_step(definition.steps):
        for words in references(step.get("Arguments", {})):
            if words[0] == "Parameters" and words[1] not in declared:
                raise invalid(f"Step {step['Name']} refers to the parameter {words[1]}, which is not declared.")
        if unknown := sorted(needed_steps(step) - set(names)):
            raise invalid(f"Step {step['Name']} needs {', '.join(unknown)}, which the pipeline does not have.")


def _check_step(step: Document) -> None:
    kind = step.get("Type", "")
    if kind not in {*CALLS, "Condition", "Fail"}:
        raise unsupported(f"pipeline steps of type {kind}")
    if beyond := sorted(set(step) - _KNOWN):
        raise unsupported(f"{', '.join(beyond)} of a pipeline step")
    if "ExpireAfter" in step.get("CacheConfig", {}):
        duration_seconds(step["CacheConfig"]["ExpireAfter"])
    arguments = step.get("Arguments", {})
    if kind == "Condition":
        for condition in arguments["Conditions"]:
            check_condition(condition)
    elif kind in CALLS:
        operation, _ = CALLS[kind]
        shape = model.operation("sagemaker", operation).input_shape
        if unknown := sorted(set(arguments) - set(shape.members if shape else ())):
            raise invalid(f"Step {step['Name']}: {operation} has no argument {', '.join(unknown)}.")
