"""What the data set's columns mean, read from schema.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sagemaker_gitops_modelkit.training.failures import InputRefused

# The graph's input. No feature is called so: the graph's nodes go on to know each column by its feature's name.
Task = Literal["binary", "multiclass", "regression"]
INPUT = "columns of schema.json"
# Where a category has no place in its list. The serving container writes the same.
UNSEEN, MISSING = -1, -2


@dataclass(frozen=True, kw_only=True)
class NumberFeature:
    """A numeric column with its plausible range, and what a missing value means."""

    name: str
    minimum: float
    maximum: float
    missing: Literal["impute", "refuse"]


@dataclass(frozen=True, kw_only=True)
class CategoryFeature:
    """A column of strings with its closed list of values, and what any other value and a missing one mean."""

    name: str
    categories: tuple[str, ...]
    unknown: Literal["ignore", "refuse"]
    missing: Literal["impute", "refuse"] = "refuse"

    @property
    def places(self) -> dict[str, int]:
        """What stands for each text in the graph's input; the empty one is a missing value."""
        return {"": MISSING} | {text: place for place, text in enumerate(self.categories)}


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The target, the row id, the protected attribute if there is one, and the features in a CSV request's order.

    `classes` are the values of the target, in the order of the graph's probabilities: the negative and the positive
    one of a binary task, none of a regression. `favourable` is the one that a person hopes for: fairness is measured
    on it.
    """

    task: Task = "binary"
    target: str
    classes: tuple[str, ...]
    favourable: str | None
    id: str
    protected: str | None
    features: tuple[NumberFeature | CategoryFeature, ...]

    @property
    def positive(self) -> str:
        """The class that a binary task's probability is of."""
        return self.classes[1]

    @property
    def negative(self) -> str:
        """The other class of a binary task."""
        return self.classes[0]

    @property
    def numbers(self) -> tuple[NumberFeature, ...]:
        """The numeric features, in order."""
        return tuple(f for f in self.features if isinstance(f, NumberFeature))

    @property
    def categories(self) -> tuple[CategoryFeature, ...]:
        """The categorical features, in order."""
        return tuple(f for f in self.features if isinstance(f, CategoryFeature))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of all features, in order."""
        return tuple(f.name for f in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the data set must have."""
        return (*self.around, *self.feature_names)

    @property
    def around(self) -> tuple[str, ...]:
        """The columns that are no features: row id, target, and the protected attribute if there is one."""
        return (self.id, self.target, *([self.protected] if self.protected else []))


def load_schema(path: Path) -> Schema:
    """Read and check schema.json."""
    try:
        return parse_schema(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputRefused(
            f"the schema cannot be read: {error}",
            where=str(path),
            next_step="restore model/config/schema.json; the training image carries a copy beside train.py",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputRefused(
            f"the schema is not valid: {error}",
            where=str(path),
            next_step="correct model/config/schema.json",
        ) from error


def parse_schema(document: Mapping[str, Any]) -> Schema:
    """Build a schema from its JSON form; ValueError, KeyError or TypeError say what is wrong with it."""
    features = tuple(_parse_feature(item) for item in document["features"])
    names = [feature.name for feature in features]
    task: Task = document.get("task", "binary")
    schema = Schema(
        task=task,
        target=document["target"],
        classes=_classes(task, document),
        favourable=document.get("favourable"),
        id=document["id"],
        protected=document.get("protected"),
        features=features,
    )
    if leaking := sorted({*schema.around} & set(names)):
        raise ValueError(f"target, id and protected attribute cannot be features: {', '.join(leaking)}")
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"features must be named, and named once: {names}")
    _check_favourable(schema)
    return schema


def _classes(task: Task, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the target's values; what belongs to another task is refused rather than overlooked."""
    needed = {"binary": ("negative", "positive"), "multiclass": ("classes",), "regression": ()}
    if task not in needed:
        raise ValueError(f"task is {task!r}; known are {', '.join(needed)}")
    if foreign := sorted({"classes", "negative", "positive"} & {*document} - {*needed[task]}):
        raise ValueError(f"a {task} task has no {', '.join(foreign)}")
    classes = tuple(document["classes"]) if task == "multiclass" else tuple(document[name] for name in needed[task])
    if len(set(classes)) < len(classes) or not all(isinstance(name, str) and name for name in classes):
        raise ValueError(f"the classes must be strings, and differ: {classes}")
    if task == "multiclass" and len(classes) < 3:
        raise ValueError("a multiclass task lists three classes or more; of two, name a positive and a negative one")
    return classes


def _check_favourable(schema: Schema) -> None:
    if schema.favourable is not None and schema.favourable not in schema.classes:
        raise ValueError(f"favourable is {schema.favourable!r}, not among the target's values {schema.classes}")
    if schema.protected and schema.classes and schema.favourable is None:
        raise ValueError("with a protected attribute, favourable names the outcome that a person hopes for")


def _parse_feature(item: Mapping[str, Any]) -> NumberFeature | CategoryFeature:
    fields = {key: value for key, value in item.items() if key != "type"}
    match item["type"]:
        case "number":
            return _checked_number(NumberFeature(**fields))
        case "category":
            return _checked_category(CategoryFeature(**{**fields, "categories": tuple(item["categories"])}))
        case other:
            raise ValueError(f"feature {item['name']!r} has type {other!r}; known are number and category")


def _check_missing(feature: NumberFeature | CategoryFeature) -> None:
    if feature.missing not in {"impute", "refuse"}:
        raise ValueError(f"feature {feature.name!r} has missing={feature.missing!r}, not impute or refuse")


def _checked_number(feature: NumberFeature) -> NumberFeature:
    _check_missing(feature)
    if not feature.minimum < feature.maximum:
        raise ValueError(f"feature {feature.name!r} has no room between minimum and maximum")
    return feature


def _checked_category(feature: CategoryFeature) -> CategoryFeature:
    _check_missing(feature)
    if feature.unknown not in {"ignore", "refuse"}:
        raise ValueError(f"feature {feature.name!r} has unknown={feature.unknown!r}, not ignore or refuse")
    if not feature.categories or not all(isinstance(value, str) for value in feature.categories):
        raise ValueError(f"feature {feature.name!r} must list its categories as strings")
    if any(text != text.strip() for text in (feature.name, *feature.categories)):
        raise ValueError(f"feature {feature.name!r} has blanks around its name or a category, which a CSV cell loses")
    return feature
