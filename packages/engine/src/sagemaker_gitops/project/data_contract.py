"""A cheap look at the data set: every value keeps schema.json's word."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from sagemaker_gitops_modelkit.cells import read_category, read_number

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project.model_schema import Category, ModelSchema, Number


def check(root: Path, schema: ModelSchema) -> tuple[Annotation, ...]:
    """Hold every data/*.csv against the schema; one finding a column, at its first wrong value."""
    return tuple(found for path in sorted((root / "data").glob("*.csv")) for found in _check_file(root, path, schema))


def _check_file(root: Path, path: Path, schema: ModelSchema) -> list[Annotation]:
    file = path.relative_to(root).as_posix()
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines, strict=True, skipinitialspace=True)
        try:
            return _check_rows(file, reader, schema)
        except UnicodeDecodeError as error:
            return [Annotation(message=f"the file is not UTF-8: {error.reason}", file=file)]
        except csv.Error as error:
            return [Annotation(message=f"the file is not CSV: {error}", file=file, line=reader.line_num)]


def _check_rows(file: str, reader: "csv.DictReader[str]", schema: ModelSchema) -> list[Annotation]:
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in schema.columns if name not in reader.fieldnames]
    if missing:
        return [Annotation(message=f"columns that schema.json declares are missing: {', '.join(missing)}", file=file)]
    wrong: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in reader:
        for column, value in _contradictions(row, schema):
            wrong[column].append((reader.line_num, value))
    return [
        Annotation(
            message=f"{column}: {len(places)} values contradict schema.json, the first is {places[0][1]!r}",
            file=file,
            line=places[0][0],
        )
        for column, places in wrong.items()
    ]


def _contradictions(row: Mapping[str, str | None], schema: ModelSchema) -> Iterator[tuple[str, str]]:
    truth = row[schema.target] or ""
    if not (_is_finite(truth) if schema.task == "regression" else _is_label(truth, schema)):
        yield schema.target, truth
    for feature in schema.features:
        value = row[feature.name] or ""
        if not (_is_category(value, feature) if isinstance(feature, Category) else _is_number(value, feature)):
            yield feature.name, value


def _is_label(value: str, schema: ModelSchema) -> bool:
    return read_category(value, schema.labels, optional=True) in schema.labels


def _is_category(value: str, feature: Category) -> bool:
    optional = feature.missing == "impute"
    category = read_category(value, feature.categories, optional=optional)
    return optional if category is None else category in feature.categories


def _is_number(value: str, feature: Number) -> bool:
    number = _number(value)
    if number is None:
        return feature.missing == "impute"
    return feature.minimum <= number <= feature.maximum


def _number(value: str) -> float | None:
    """Read a number, None where it is missing; what is none is not in any range."""
    try:
        return read_number(value)
    except ValueError:
        return math.nan


def _is_finite(value: str) -> bool:
    number = _number(value)
    return number is not None and math.isfinite(number)
