"""The hyperparameters of a training job: strings, as SageMaker delivers them, checked before use."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from failures import InputRefused

# SageMaker's tuner and SDK add settings of their own to the job's hyperparameters.
RESERVED_PREFIXES = ("_tuning", "sagemaker_")


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What shapes the model; `threshold` is the probability from which the positive label is given.

    `n_estimators` counts the rounds of a model from scratch, `additional_rounds` those that fine-tuning adds.
    """

    n_estimators: int
    learning_rate: float
    max_depth: int
    min_samples_leaf: int
    subsample: float
    threshold: float
    seed: int
    additional_rounds: int


@dataclass(frozen=True, kw_only=True)
class _Domain:
    convert: Callable[[str], int | float]
    low: float
    high: float

    def __str__(self) -> str:
        kind = "an integer" if self.convert is int else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


_DOMAINS = {
    "n_estimators": _Domain(convert=int, low=1, high=5000),
    "learning_rate": _Domain(convert=float, low=0.0001, high=1),
    "max_depth": _Domain(convert=int, low=1, high=12),
    "min_samples_leaf": _Domain(convert=int, low=1, high=100_000),
    "subsample": _Domain(convert=float, low=0.05, high=1),
    "threshold": _Domain(convert=float, low=0.01, high=0.99),
    "seed": _Domain(convert=int, low=0, high=4_294_967_295),
    "additional_rounds": _Domain(convert=int, low=1, high=5000),
}


def is_tuning(path: Path) -> bool:
    """Tell whether SageMaker's tuner started the job: it compares jobs, and never by held-out rows."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and any(name.startswith("_tuning") for name in values)


def load_hyperparameters(path: Path) -> Hyperparameters:
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
    return parse_hyperparameters(values, where=str(path))


def parse_hyperparameters(values: Mapping[str, str], *, where: str) -> Hyperparameters:
    """Convert and check every hyperparameter; none is optional, none may be unknown."""
    given = {name: text for name, text in values.items() if not name.startswith(RESERVED_PREFIXES)}
    if unknown := sorted(set(given) - set(_DOMAINS)):
        raise _refused(f"unknown hyperparameter: {', '.join(unknown)}", where, f"known are {', '.join(_DOMAINS)}")
    if absent := [name for name in _DOMAINS if name not in given]:
        raise _refused(
            f"missing hyperparameter: {', '.join(absent)}",
            where,
            "set it as in model/config/hyperparameters.json",
        )
    numbers = {name: _convert(name, given[name], where) for name in _DOMAINS}
    return Hyperparameters(**numbers)  # type: ignore[arg-type]  # each _Domain converts to its field's type


def _convert(name: str, text: object, where: str) -> int | float:
    domain = _DOMAINS[name]
    if not isinstance(text, str):
        raise _refused(
            f"hyperparameter {name} is {text!r}, which is not a string",
            where,
            "quote it: SageMaker passes every hyperparameter as a string",
        )
    try:
        value = domain.convert(text)
    except ValueError:
        value = float("nan")
    if not domain.low <= value <= domain.high:
        raise _refused(f"hyperparameter {name} is {text!r}", where, f"set it to {domain}")
    return value


def _refused(what: str, where: str, next_step: str) -> InputRefused:
    return InputRefused(what, where=where, next_step=next_step)
