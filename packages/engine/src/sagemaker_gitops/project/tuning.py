"""model/config/tuning.json: which hyperparameters to try between which bounds, and what makes one better."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sagemaker_gitops.errors import ConfigurationError

PATH = Path("model/config/tuning.json")
Strategy = Literal["Bayesian", "Grid", "Hyperband", "Random"]
Scale = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class Range(BaseModel):
    """The values of one hyperparameter: between two bounds, or one of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False
    scale: Scale = "Auto"
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_either(self) -> Self:
        bounds = (self.minimum, self.maximum)
        if bool(self.values) == (bounds != (None, None)) or (not self.values and None in bounds):
            raise ValueError("give minimum and maximum, or values")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum = {self.minimum:g} is above maximum = {self.maximum:g}")
        if self.integer and not all(bound is None or bound.is_integer() for bound in bounds):
            raise ValueError("an integer's bounds are integers")
        return self

    def bounds(self) -> tuple[str, str]:
        """Return minimum and maximum as SageMaker takes them."""
        low, high = float(self.minimum or 0), float(self.maximum or 0)
        return (str(int(low)), str(int(high))) if self.integer else (repr(low), repr(high))


class Search(BaseModel):
    """How many trials to make, how to choose them, and which printed metric decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, Field(pattern=r"^validation:\w+$")]
    objective: Literal["Maximize", "Minimize"]
    strategy: Strategy = "Random"
    seed: int = Field(default=0, ge=0, le=2147483647)
    jobs: int = Field(ge=1, le=750)
    parallel: int = Field(default=2, ge=1, le=100)
    ranges: Annotated[Mapping[str, Range], Field(min_length=1, max_length=30)]


def read(root: Path, hyperparameters: Mapping[str, str]) -> Search:
    """Read the file; it may only name hyperparameters that the model has."""
    path = root / PATH
    try:
        search = Search.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise ConfigurationError(
            "there is nothing that says what to tune", where=str(PATH), next_step="docs/howto/scale.md shows the file"
        ) from err
    except ValidationError as err:
        first = err.errors()[0]
        raise ConfigurationError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=str(PATH),
            next_step="correct the file; docs/howto/scale.md shows one",
        ) from err
    if unknown := sorted(set(search.ranges) - set(hyperparameters)):
        raise ConfigurationError(
            f"the model has no hyperparameter {', '.join(unknown)}",
            where=str(PATH),
            next_step=f"tune some of {', '.join(sorted(hyperparameters))}",
        )
    return search


def identity(search: Search) -> str:
    """Return the search as one line, the same for the same search."""
    return json.dumps(search.model_dump(mode="json"), sort_keys=True)
