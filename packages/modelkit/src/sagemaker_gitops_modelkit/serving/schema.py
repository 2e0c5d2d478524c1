"""schema.json as types: what a row must look like, and the decoder types made from it."""

from enum import Enum
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta

from sagemaker_gitops_modelkit.cells import Columns, read_category

FLOAT32_MAX = 3.4028234663852886e38
MAX_TEXT = 256
# Where a category has no place in its list. The training job writes the same into the graph.
UNSEEN, MISSING = -1.0, -2.0

Scalar = str | int | float | bool | None


class SchemaInvalid(Exception):
    """schema.json does not describe a model that this server can run."""


class _Place(float, Enum):
    """A category's place in its list, which msgspec finds by the category's text; MISSING and UNSEEN if they may be."""

    def __new__(cls, text: str, place: float) -> Self:
        member = float.__new__(cls, place)
        member._value_ = text
        return member

    @classmethod
    def _missing_(cls, value: object) -> "_Place | None":
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            return None
        members, listed = cls.__members__, cls._value2member_map_
        category = read_category(value, listed, optional="MISSING" in members)
        if category is None:
            return members.get("MISSING")
        found = listed.get(category)
        return found if isinstance(found, cls) else members.get("UNSEEN")


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
        return self.text_type | None if self.is_optional else self.text_type

    @property
    def text_type(self) -> Any:
        """The same for CSV, where a missing category is empty text: msgspec takes a category `null` for a null."""
        if self.is_number:
            return self._number_type() | None if self.is_optional else self._number_type()
        return self._category_type()

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
        if self.is_optional:
            places.append(("MISSING", ("", self.missing_place)))
        if self.unknown == "ignore":
            places.append(("UNSEEN", ("\N{REPLACEMENT CHARACTER}" * MAX_TEXT, UNSEEN)))
        kind: Any = _Place
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
    def text_columns(self) -> Columns:
        """What a CSV body's columns are called."""
        numbers = frozenset(feature.name for feature in self.features if feature.is_number)
        return Columns(names=self.names, numbers=numbers, around=frozenset(self.carried))

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
        if any(text != text.strip() for text in (feature.name, *feature.categories)):
            raise SchemaInvalid(f"schema.json: blanks around the name or a category of feature {feature.name!r}")
    return schema
