"""A feature group as schema.json defines it: an id, the time of an event, and each input of the model."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sagemaker_gitops_modelkit.cells import read_category

from sagemaker_gitops.errors import ConfigurationError

FeatureType = Literal["Fractional", "Integral", "String"]

SCHEMA = Path("model/config/schema.json")
# What a record's time is called where the data set has no column for it.
EVENT_TIME = "event_time"
_TYPES: Mapping[str, FeatureType] = {"number": "Fractional", "category": "String"}
# The service model's pattern, and the names that Feature Store adds to every record itself.
_NAME = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
_RESERVED = frozenset({"is_deleted", "write_time", "api_invocation_time"})


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a record has; `features` in the model's order, `timed` where the data set tells an event's time."""

    id: str
    event_time: str
    timed: bool
    features: Mapping[str, FeatureType]
    # What a column's cells are where schema.json lists it, and the columns that must not miss a value.
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()

    def meaning(self, column: str, cell: str) -> str | None:
        """Return what a cell of the data set holds, None where it is missing: as training reads it."""
        optional = column not in self.required or self.features.get(column) == "Fractional"
        return read_category(cell, self.listed.get(column, ()), optional=optional)

    @property
    def types(self) -> dict[str, FeatureType]:
        """The type of every member of a record."""
        return {self.id: "String", self.event_time: "String", **self.features}

    @property
    def digest(self) -> str:
        """Eight hex characters over the whole definition: another schema is another group."""
        content = json.dumps([self.id, self.event_time, list(self.types.items())])
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    def group(self, endpoint: str) -> str:
        """Name the feature group that serves an endpoint."""
        return f"{endpoint}-{self.digest}"

    def members(self) -> list[dict[str, str]]:
        """Spell the types as CreateFeatureGroup and CloudFormation want them."""
        return [{"FeatureName": name, "FeatureType": kind} for name, kind in self.types.items()]


def serves(group: str, endpoint: str) -> bool:
    """Tell by its name whether a feature group serves, or served with another schema, an endpoint."""
    return re.fullmatch(re.escape(endpoint) + "-[0-9a-f]{8}", group) is not None


def read(root: Path) -> Definition:
    """Define the feature group of a checkout."""
    path = root / SCHEMA
    try:
        return define(json.loads(path.read_text()))
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as err:
        raise ConfigurationError(
            f"the schema cannot be read: {err!r}", where=str(path), next_step="pipeline schema"
        ) from err


def define(schema: Mapping[str, Any]) -> Definition:
    """Define the feature group of a schema."""
    labels = tuple(schema.get("classes") or (schema.get("negative", ""), schema.get("positive", "")))
    listed = {item["name"]: tuple(item.get("categories", ())) for item in schema["features"]}
    definition = Definition(
        id=schema["id"],
        event_time=schema.get("event_time", EVENT_TIME),
        timed="event_time" in schema,
        features={item["name"]: _TYPES[item["type"]] for item in schema["features"]},
        listed={**listed, schema.get("target", ""): tuple(filter(None, labels))},
        required=frozenset(item["name"] for item in schema["features"] if item.get("missing") != "impute"),
    )
    wrong = [name for name in definition.types if not _NAME.fullmatch(name) or name in _RESERVED]
    if wrong or len(definition.types) != len(definition.features) + 2:
        raise ConfigurationError(
            f"Feature Store cannot keep these names: {', '.join(wrong) or 'id and time are features'}",
            where=str(SCHEMA),
            next_step="rename the columns: letters, digits, - and _ within, 64 at most, none of "
            + ", ".join(sorted(_RESERVED)),
        )
    return definition
