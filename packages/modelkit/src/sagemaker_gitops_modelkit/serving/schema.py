"""schema.json as types: what a row must look like, and the decoder types made from it."""

from enum import Enum
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

FLOAT32_MAX = 3.4028234663852886e38
MAX_TEXT = 256
# Where a category has no place in its list. The training job writes the same into the graph.
UNSEEN, MISSING = -1.0, -2.0

Scalar = str | int | float | bool | None


class SchemaInvalid(Exception):
    """schema.json does not describe a model that this server can run."""


class _Place(float, Enum):
    """A category's place in its list, which msgspec finds by the category's text."""

    def __new__(cls, text: str, place: float) -> Self:
        member = float.__new__(cls, place)
        member._value_ = text
        return member


class _OpenPlace(_Place):
    """Of a feature that may have categories which the model never saw."""

    @classmethod
    def _missing_(cls, value: object) -> "_OpenPlace | None":
        unseen: _OpenPlace = cls["UNSEEN"]
        return unseen if isinstance(value, str) and len(value) <= MAX_TEXT else None


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the model's input."""

    name: str
    type: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    missing: Literal["impute", "refuse"] = "refuse"
    categories: tuple[str, ...] = ()
    unknown: Literal["refuse", "ignore"] = "refuse"

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers; the others hold categories."""
        return self.type == "number"

    @property
    def is_optional(self) -> bool:
        """Whether a row may leave this field out, because the model imputes it."""
        return self.missing == "impute"

    @property
    def value_type(self) -> Any:
        """The msgspec type that accepts exactly this feature's values, and makes them numbers."""
        value: Any = self._number_type() if self.is_number else self._category_type()
        return value | None if self.is_optional else value

    def _number_type(self) -> Any:
        lowest = -FLOAT32_MAX if self.minimum is None else self.minimum
        highest = FLOAT32_MAX if self.maximum is None else self.maximum
        return Annotated[float, Meta(ge=lowest, le=highest)]

    @property
    def missing_place(self) -> float:
        """What stands for a missing category; the training job's word for it is the empty text."""
        return float(self.categories.index("")) if "" in self.categories else MISSING

    def _category_type(self) -> Any:
        places = [(f"PLACE_{place}", (text, float(place))) for place, text in enumerate(self.categories)]
        kind: Any = _Place
        if self.unknown == "ignore":
            kind = _OpenPlace
            places += [("MISSING", ("", self.missing_place))] if "" not in self.categories else []
            places.append(("UNSEEN", ("\N{REPLACEMENT CHARACTER}" * MAX_TEXT, UNSEEN)))
        return kind(self.name, places)


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """The model's input columns in order, and what its output means."""

    target: str
    features: tuple[Feature, ...]
    task: Literal["binary", "multiclass", "regression"] = "binary"
    positive: str | None = None
    negative: str | None = None
    classes: tuple[str, ...] = ()
    id: str | None = None
    protected: str | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5

    @property
    def names(self) -> tuple[str, ...]:
        """The feature names in the model's order."""
        return tuple(feature.name for feature in self.features)

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns a caller may send along for data capture; the model never sees them."""
        return tuple(name for name in (self.id, self.protected) if name and name not in self.names)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in the order of the model's probabilities: the negative and the positive one, or all listed."""
        if self.positive is None:
            return self.classes
        return self.negative or f"not-{self.positive}", self.positive


def parse_schema(raw: bytes) -> Schema:
    """Read schema.json and refuse one that contradicts itself."""
    try:
        schema = msgspec.json.decode(raw, type=Schema)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SchemaInvalid(f"schema.json: {error}") from error
    if not schema.features or len(set(schema.names)) != len(schema.names):
        raise SchemaInvalid("schema.json: features must be there, each under its own name")
    expected = {"binary": schema.positive is not None, "multiclass": len(schema.classes) > 2, "regression": True}
    if not expected[schema.task] or (schema.task == "regression" and schema.labels):
        raise SchemaInvalid(f"schema.json: a {schema.task} task does not answer {schema.labels or 'without classes'}")
    for feature in schema.features:
        if not feature.is_number and not feature.categories:
            raise SchemaInvalid(f"schema.json: category {feature.name!r} lists no categories")
    return schema
