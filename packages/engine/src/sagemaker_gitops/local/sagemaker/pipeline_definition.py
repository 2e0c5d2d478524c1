"""Pipeline definitions, schema version 2020-12-01: read, and refused where they cannot be carried out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.sagemaker.pipeline_values import check_condition, references
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid, unsupported

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


def read(text: str) -> Definition:
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
    for step in every(definition.steps):
        _check_step(step)
    return definition


def every(steps: list[Document]) -> Iterator[Document]:
    """Yield each step, those behind conditions too."""
    for step in steps:
        yield step
        if step.get("Type") == "Condition":
            arguments = step.get("Arguments", {})
            yield from every(arguments.get("IfSteps", []))
            yield from every(arguments.get("ElseSteps", []))


def needs(step: Document) -> set[str]:
    """Name the steps that must have succeeded before one can start."""
    arguments = step.get("Arguments", {})
    own = arguments.get("Conditions", []) if step["Type"] == "Condition" else arguments
    return {words[1] for words in references(own) if words[0] == "Steps"} | set(step.get("DependsOn", []))


def seconds(duration: str) -> float:
    """Return how long a cached step is good for: an ISO 8601 duration of days, hours, minutes, seconds."""
    found = _DURATION.fullmatch(duration)
    if not found or not any(found.groups()):
        raise unsupported(f"CacheConfig.ExpireAfter {duration}: only days, hours, minutes and seconds")
    return sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))


def _check_names(definition: Definition) -> None:
    names = [step.get("Name", "") for step in every(definition.steps)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"Step names must be unique within a pipeline: {', '.join(double)}.")
    declared = {item["Name"] for item in definition.parameters}
    for step in every(definition.steps):
        for words in references(step.get("Arguments", {})):
            if words[0] == "Parameters" and words[1] not in declared:
                raise invalid(f"Step {step['Name']} refers to the parameter {words[1]}, which is not declared.")
        if unknown := sorted(needs(step) - set(names)):
            raise invalid(f"Step {step['Name']} needs {', '.join(unknown)}, which the pipeline does not have.")


def _check_step(step: Document) -> None:
    kind = step.get("Type", "")
    if kind not in {*CALLS, "Condition", "Fail"}:
        raise unsupported(f"pipeline steps of type {kind}")
    if beyond := sorted(set(step) - _KNOWN):
        raise unsupported(f"{', '.join(beyond)} of a pipeline step")
    if "ExpireAfter" in step.get("CacheConfig", {}):
        seconds(step["CacheConfig"]["ExpireAfter"])
    arguments = step.get("Arguments", {})
    if kind == "Condition":
        for condition in arguments["Conditions"]:
            check_condition(condition)
    elif kind in CALLS:
        operation, _ = CALLS[kind]
        shape = model.operation("sagemaker", operation).input_shape
        if unknown := sorted(set(arguments) - set(shape.members if shape else ())):
            raise invalid(f"Step {step['Name']}: {operation} has no argument {', '.join(unknown)}.")
