"""Rows that a release must be able to answer, made from the schema that it carries with it."""

from collections.abc import Mapping, Sequence
from typing import Any

# Fractions of the golden ratio spread over a range evenly, however many are taken.
_GOLDEN = 0.6180339887498949


def rows(schema: Mapping[str, Any], count: int) -> list[dict[str, object]]:
    """Make `count` rows that reach over every range and name every category."""
    features: Sequence[Mapping[str, Any]] = schema["features"]
    return [{feature["name"]: _value(feature, number) for feature in features} for number in range(count)]


def _value(feature: Mapping[str, Any], number: int) -> object:
    if feature["type"] == "category":
        categories = feature["categories"]
        return categories[number % len(categories)]
    low, high = float(feature["minimum"]), float(feature["maximum"])
    return round(low + (high - low) * (number * _GOLDEN % 1), 4)
