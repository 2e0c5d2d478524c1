"""What the data set's columns mean, read from schema.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sagemaker_gitops_modelkit.training.failures import InputRefused

# The graph's input. No feature is called so: the graph's nodes go on to know each column by its feature's name.
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
    """A column of strings with its closed list of values, and what any other value means."""

    name: str
    categories: tuple[str, ...]
    unknown: Literal["ignore", "refuse"]

    @property
    def places(self) -> dict[str, int]:
        """What stands for each text in the graph's input; the empty one is a missing value."""
        return {"": MISSING} | {text: place for place, text in enumerate(self.categories)}


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The target, the row id, the protected attribute, and the features in the order of a CSV request.

    `favourable` is the value of the target that a person hopes for: fairness is measured on it.
    """

    target: str
    positive: str
    negative: str
    favourable: str
    id: str
    protected: str
    features: tuple[NumberFeature | CategoryFeature, ...]

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
        return (self.id, self.target, self.protected, *self.feature_names)


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
    kept_out = {document["target"], document["id"], document["protected"]}
    if leaking := sorted(kept_out & set(names)):
        raise ValueError(f"target, id and protected attribute cannot be features: {', '.join(leaking)}")
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"features must be named, and named once: {names}")
    if document["favourable"] not in {document["positive"], document["negative"]}:
        raise ValueError(f"favourable is {document['favourable']!r}, neither the positive nor the negative value")
    return Schema(
        target=document["target"],
        positive=document["positive"],
        negative=document["negative"],
        favourable=document["favourable"],
        id=document["id"],
        protected=document["protected"],
        features=features,
    )


def _parse_feature(item: Mapping[str, Any]) -> NumberFeature | CategoryFeature:
    fields = {key: value for key, value in item.items() if key != "type"}
    match item["type"]:
        case "number":
            return _checked_number(NumberFeature(**fields))
        case "category":
            return _checked_category(CategoryFeature(**{**fields, "categories": tuple(item["categories"])}))
        case other:
            raise ValueError(f"feature {item['name']!r} has type {other!r}; known are number and category")


def _checked_number(feature: NumberFeature) -> NumberFeature:
    if feature.missing not in {"impute", "refuse"}:
        raise ValueError(f"feature {feature.name!r} has missing={feature.missing!r}, not impute or refuse")
    if not feature.minimum < feature.maximum:
        raise ValueError(f"feature {feature.name!r} has no room between minimum and maximum")
    return feature


def _checked_category(feature: CategoryFeature) -> CategoryFeature:
    if feature.unknown not in {"ignore", "refuse"}:
        raise ValueError(f"feature {feature.name!r} has unknown={feature.unknown!r}, not ignore or refuse")
    if not feature.categories or not all(isinstance(value, str) for value in feature.categories):
        raise ValueError(f"feature {feature.name!r} must list its categories as strings")
    return feature
