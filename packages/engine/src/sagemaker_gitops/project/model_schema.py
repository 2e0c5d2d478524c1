"""model/config: which features a caller sends, which thresholds a model must reach, which settings train it."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

Name = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Base of every part of a file: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Number(Part):
    """A number, its range, and what a missing one means."""

    name: Name
    type: Literal["number"]
    minimum: float
    maximum: float
    missing: Literal["impute", "refuse"]

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.minimum >= self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self


class Category(Part):
    """One of a closed list of values, and what any other value and a missing one mean."""

    name: Name
    type: Literal["category"]
    categories: tuple[Name, ...] = Field(min_length=1)
    unknown: Literal["ignore", "refuse"]
    missing: Literal["impute", "refuse"] = "refuse"

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("a category is listed twice")
        if spaced := [text for text in self.categories if text != text.strip()]:
            raise ValueError(f"{spaced[0]!r} has blanks around it, which a cell of CSV loses")
        return self


Feature = Annotated[Number | Category, Field(discriminator="type")]


class ModelSchema(Part):
    """schema.json: the features in the order of a CSV row, and the columns around them."""

    # `binary` names a positive and a negative value of the target, `multiclass` lists them; a regression has none.
    task: Literal["binary", "multiclass", "regression"] = "binary"
    target: Name
    positive: Name | None = None
    negative: Name | None = None
    classes: tuple[Name, ...] | None = None
    # Of the target's values, the one that a person hopes for; fairness is measured on it.
    favourable: Name | None = None
    id: Name
    # The column that tells when a row was true, for the feature store.
    event_time: Name | None = None
    protected: Name | None = None
    features: tuple[Feature, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        around = {self.target, self.id, self.protected or self.id, self.event_time or self.id}
        leaking = sorted(around & set(names))
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        if leaking:
            raise ValueError(
                f"the target, the row id, its time and the protected attribute are no features: {leaking[0]}"
            )
        return self

    @model_validator(mode="after")
    def _labels_fit_the_task(self) -> Self:
        needed = {"binary": ("negative", "positive"), "multiclass": ("classes",), "regression": ()}[self.task]
        for name in ("negative", "positive", "classes"):
            if (getattr(self, name) is not None) is not (name in needed):
                raise ValueError(f"a {self.task} task {'names' if name in needed else 'has no'} {name}")
        if len(set(self.labels)) < len(self.labels) or (self.task == "multiclass" and len(self.labels) < 3):
            raise ValueError("the target's values must differ, and be three or more for a multiclass task")
        if self.favourable is not None and self.favourable not in self.labels:
            raise ValueError("favourable must be one of the target's values")
        if self.protected and self.labels and self.favourable is None:
            raise ValueError("with a protected attribute, favourable names the outcome that a person hopes for")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The target's values in the order of the model's probabilities; a regression has none."""
        return self.classes or tuple(label for label in (self.negative, self.positive) if label is not None)

    @property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """The categories of each column that has some, and the target's values."""
        categories = {item.name: item.categories for item in self.features if isinstance(item, Category)}
        return {**categories, self.target: self.labels}

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the data set must have."""
        protected = (self.protected,) if self.protected else ()
        return (self.id, self.target, *protected, *(feature.name for feature in self.features))


class Hyperparameters(RootModel[dict[Name, str]]):
    """hyperparameters.json: SageMaker passes each as a string."""


class Mark(Part):
    """One limit, with the reason or the source that justifies it."""

    minimum: float | None = None
    maximum: float | None = None
    maximum_drop: float | None = Field(default=None, ge=0)
    minimum_gain: float | None = Field(default=None, ge=0)
    reason: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if [self.minimum, self.maximum, self.maximum_drop, self.minimum_gain].count(None) != 3:
            raise ValueError("a threshold has exactly one of minimum, maximum, maximum_drop and minimum_gain")
        return self


class Baseline(RootModel[dict[Name, dict[Name, Mark]]]):
    """baseline.json: the thresholds of every gate."""


def breaking(before: ModelSchema, after: ModelSchema) -> Iterator[tuple[str, str]]:
    """Yield (feature, what breaks) for each change that refuses or misreads what a caller sends today."""
    old, new = ({feature.name: feature for feature in schema.features} for schema in (before, after))
    for name in sorted(old.keys() - new.keys()):
        yield name, "the feature was removed; who sends it is refused, and the columns of CSV rows move"
    for name in sorted(new.keys() - old.keys()):
        if not _optional(new[name]):
            yield name, "a required feature was added; who does not send it is refused"
    kept = [[name for name in side if name in old.keys() & new.keys()] for side in (old, new)]
    if kept[0] != kept[1] or list(new)[: len(kept[1])] != kept[1]:
        yield next(iter(new)), "the order of features changed; CSV rows without a header are misread"
    for name in kept[0]:
        yield from ((name, text) for text in _narrowed(old[name], new[name]))
    yield from _answers(before, after)


def _optional(feature: Number | Category) -> bool:
    return feature.missing == "impute"


def _narrowed(old: Number | Category, new: Number | Category) -> Iterator[str]:
    if isinstance(old, Number) and isinstance(new, Number):
        if new.minimum > old.minimum or new.maximum < old.maximum:
            yield f"the range shrank from {old.minimum:g}..{old.maximum:g} to {new.minimum:g}..{new.maximum:g}"
    elif isinstance(old, Category) and isinstance(new, Category):
        lost = sorted(set(old.categories) - set(new.categories))
        if lost and new.unknown == "refuse":
            yield f"refused from now on: {', '.join(lost)}"
        if (old.unknown, new.unknown) == ("ignore", "refuse"):
            yield "an unknown value is now refused"
    else:
        yield f"the type changed from {old.type} to {new.type}"
    if (old.missing, new.missing) == ("impute", "refuse"):
        yield "a missing value is now refused"


def _answers(before: ModelSchema, after: ModelSchema) -> Iterator[tuple[str, str]]:
    if before.task != after.task:
        yield "task", f"answers change their form from {before.task} to {after.task}"
    for key in ("positive", "negative", "classes"):
        old, new = getattr(before, key), getattr(after, key)
        if old != new and before.task == after.task:
            yield key, f"the label in answers changed from {old} to {new}"
