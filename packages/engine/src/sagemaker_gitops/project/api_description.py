"""openapi.yml as schema.json implies it: what a caller may send, and what the model's task answers."""

import csv
import io
import re
from importlib import resources

import yaml

from sagemaker_gitops.project.api_differences import Document
from sagemaker_gitops.project.model_schema import Category, Feature, ModelSchema

MAX_TEXT = 256
# Schemas of their own in every description; a feature of such a name gets another key.
_TAKEN = frozenset({"Rows", "Row", "Columns", "Carried", "Answer", "Problem", "FieldError", "ConnectionProblem"})


def describe(schema: ModelSchema, *, title: str) -> Document:
    """Make the whole description of a model that the modelkit's server answers for."""
    base = resources.files(__package__).joinpath("openapi.yml").read_text(encoding="utf-8")
    made: Document = yaml.safe_load(base)
    made["info"] |= {"title": title, "summary": f"Predicts {schema.target}."}
    schemas, keys = made["components"]["schemas"], _keys(schema)
    carried = [name for name in (schema.id, schema.protected) if name]
    required = [feature.name for feature in schema.features if not _may_be_left_out(feature)]
    references = {name: _reference(key) for name, key in keys.items()} | dict.fromkeys(carried, _reference("Carried"))
    schemas["Row"] |= {
        "description": f"One row. {' and '.join(carried)} may come along; the model never sees them.",
        "properties": references,
    }
    columns = schemas["Columns"]["properties"]["columns"]
    columns["properties"] = {
        name: {"type": "array", "minItems": 1, "items": dict(item)} for name, item in references.items()
    }
    for one in (schemas["Row"], columns):
        one["required"] = list(required)
        if not required:  # OpenAPI allows an empty list, its linters do not
            del one["required"]
    if not required:  # each column may be left out, and not all of them: the rows would have no number
        columns["minProperties"] = 1
    schemas["Answer"]["properties"]["predictions"]["items"] = _answer(schema)
    features = {keys[feature.name]: _feature(feature) for feature in schema.features}
    first = {name: schemas.pop(name) for name in ("Rows", "Row", "Columns")}
    made["components"]["schemas"] = first | features | schemas
    content = made["paths"]["/invocations"]["post"]["requestBody"]["content"]
    for kind, value in _examples(schema).items():
        content[kind]["examples"] = {"rows": {"summary": "Two rows, made up of schema.json's ranges.", "value": value}}
    return made


def _keys(schema: ModelSchema) -> dict[str, str]:
    """Name each feature's schema: OpenAPI allows letters, digits, points, hyphens and underscores."""
    keys: dict[str, str] = {}
    for place, feature in enumerate(schema.features):
        key = re.sub(r"[^A-Za-z0-9._-]+", "_", feature.name)
        keys[feature.name] = f"{key}-{place}" if key in _TAKEN | set(keys.values()) or key != feature.name else key
    return keys


def _reference(key: str) -> Document:
    return {"$ref": f"#/components/schemas/{key}"}


def _may_be_left_out(feature: Feature) -> bool:
    return feature.missing == "impute"


def _feature(feature: Feature) -> Document:
    if isinstance(feature, Category):
        return _category(feature)
    told, kind = feature.name, ["number"]
    if feature.missing == "impute":
        told, kind = f"{feature.name}; imputed where it is missing.", ["number", "null"]
    return {
        "description": told,
        "type": kind if kind[1:] else kind[0],
        "minimum": _short(feature.minimum),
        "maximum": _short(feature.maximum),
    }


def _category(feature: Category) -> Document:
    optional = feature.missing == "impute"
    kind = ["string", "null"] if optional else "string"
    if feature.unknown == "refuse":
        return {"description": feature.name, "type": kind, "enum": [*feature.categories, *([None] if optional else [])]}
    known = ", ".join(feature.categories[:20]) + (", …" if len(feature.categories) > 20 else "")
    told = f"{feature.name}: {known}; any other string counts as unknown."
    # Blanks alone are a missing value.
    return {"description": told, "type": kind, "maxLength": MAX_TEXT, **({} if optional else {"pattern": r"\S"})}


def _short(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _answer(schema: ModelSchema) -> Document:
    label = {"description": f"The {schema.target} that is predicted.", "type": "string", "enum": list(schema.labels)}
    share: Document = {"type": "number", "minimum": 0, "maximum": 1}
    tasks: dict[str, Document] = {
        "binary": {"label": label, "probability": {"description": f"Of {schema.positive}.", **share}},
        "multiclass": {
            "label": label,
            "probabilities": {
                "description": "Of each class.",
                "type": "object",
                "additionalProperties": False,
                "required": list(schema.labels),
                "properties": {name: dict(share) for name in schema.labels},
            },
        },
        "regression": {"value": {"description": f"The {schema.target} that is predicted.", "type": "number"}},
    }
    fields = tasks[schema.task]
    return {"type": "object", "additionalProperties": False, "required": list(fields), "properties": fields}


def _examples(schema: ModelSchema) -> Document:
    """Make two rows up, so that nobody's data gets into the description; the second leaves out what may be."""
    full = {feature.name: _example(feature) for feature in schema.features}
    sparse = {f.name: None if _may_be_left_out(f) else full[f.name] for f in schema.features}
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows((full.values(), sparse.values()))
    return {"application/json": {"instances": [full, sparse]}, "text/csv": lines.getvalue()}


def _example(feature: Feature) -> float | int | str:
    if isinstance(feature, Category):
        return feature.categories[0]
    middle = (feature.minimum + feature.maximum) / 2
    rounded = float(f"{middle:.3g}")
    return _short(rounded if feature.minimum <= rounded <= feature.maximum else middle)
