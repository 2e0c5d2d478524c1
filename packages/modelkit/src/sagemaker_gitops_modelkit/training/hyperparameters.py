"""The hyperparameters of a training job: strings, as SageMaker delivers them, checked before use."""

import dataclasses
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Task

# SageMaker's tuner and SDK add settings of their own to the job's hyperparameters.
RESERVED_PREFIXES = ("_tuning", "sagemaker_")


def between(low: float, high: float, *, tasks: Collection[Task] | None = None) -> Any:
    """Declare a hyperparameter's bounds, both included; its annotation, int or float, says how its text is read.

    With `tasks` it belongs to those alone: other ones refuse it, and it is not a number there.
    """
    bounds = {"low": low, "high": high, "tasks": tasks}
    return dataclasses.field(metadata=bounds, default=math.nan) if tasks else dataclasses.field(metadata=bounds)


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What every learner is given; `threshold` is the probability from which the positive label is given."""

    threshold: float = between(0.01, 0.99, tasks=["binary"])
    seed: int = between(0, 4_294_967_295)


@dataclass(frozen=True, kw_only=True)
class BoostingHyperparameters(Hyperparameters):
    """What boosting is given: the rounds of a model from scratch, and those that fine-tuning adds to a parent."""

    n_estimators: int = between(1, 5000)
    additional_rounds: int = between(1, 5000)


H = TypeVar("H", bound=Hyperparameters)


def is_tuning(path: Path) -> bool:
    """Tell whether SageMaker's tuner started the job: it compares jobs, and never by held-out rows."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and any(name.startswith("_tuning") for name in values)


def load_hyperparameters(path: Path, kind: type[H], task: Task = "binary") -> H:
    """Read hyperparameters.json of the job."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"{values!r} is not an object of names and strings")
    except (OSError, ValueError) as error:
        raise InputRefused(
            f"the hyperparameters cannot be read: {error}",
            where=str(path),
            next_step="pass those of model/config/hyperparameters.json to the training job",
        ) from error
    return parse_hyperparameters(values, kind, where=str(path), task=task)


def parse_hyperparameters(values: Mapping[str, str], kind: type[H], *, where: str, task: Task = "binary") -> H:
    """Convert and check every hyperparameter that `kind` declares for a task; none is optional, none may be unknown."""
    declared = dataclasses.fields(kind)
    fields = {field.name: field for field in declared if task in (field.metadata.get("tasks") or (task,))}
    given = {name: text for name, text in values.items() if not name.startswith(RESERVED_PREFIXES)}
    if unknown := sorted(set(given) - set(fields)):
        raise _refused(f"unknown hyperparameter: {', '.join(unknown)}", where, f"known are {', '.join(fields)}")
    if absent := [name for name in fields if name not in given]:
        raise _refused(
            f"missing hyperparameter: {', '.join(absent)}",
            where,
            "set it as in model/config/hyperparameters.json",
        )
    values_read: dict[str, Any] = {name: _convert(field, given[name], where) for name, field in fields.items()}
    return kind(**values_read)


def _convert(field: "dataclasses.Field[Any]", text: object, where: str) -> int | float:
    whole = field.type in {int, "int"}
    if not isinstance(text, str):
        raise _refused(
            f"hyperparameter {field.name} is {text!r}, which is not a string",
            where,
            "quote it: SageMaker passes every hyperparameter as a string",
        )
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    low, high = field.metadata["low"], field.metadata["high"]
    if not low <= value <= high:
        kind = "an integer" if whole else "a number"
        raise _refused(f"hyperparameter {field.name} is {text!r}", where, f"set it to {kind} from {low:g} to {high:g}")
    return value


def _refused(what: str, where: str, next_step: str) -> InputRefused:
    return InputRefused(what, where=where, next_step=next_step)
