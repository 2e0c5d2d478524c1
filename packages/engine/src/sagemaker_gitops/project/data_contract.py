"""A cheap look at the data set: every value keeps schema.json's word."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project.model_schema import Category, ModelSchema, Number

_ABSENT = frozenset({"", "NA"})


def check(root: Path, schema: ModelSchema) -> tuple[Annotation, ...]:
    """Hold every data/*.csv against the schema; one finding a column, at its first wrong value."""
    return tuple(found for path in sorted((root / "data").glob("*.csv")) for found in _check_file(root, path, schema))


def _check_file(root: Path, path: Path, schema: ModelSchema) -> list[Annotation]:
    file = path.relative_to(root).as_posix()
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in schema.columns if name not in (reader.fieldnames or ())]
        if missing:
            return [
                Annotation(message=f"columns that schema.json declares are missing: {', '.join(missing)}", file=file)
            ]
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
    good = _is_finite(truth) if schema.task == "regression" else truth in schema.labels
    if not good:
        yield schema.target, truth
    for feature in schema.features:
        value = row[feature.name] or ""
        if not (_is_category(value, feature) if isinstance(feature, Category) else _is_number(value, feature)):
            yield feature.name, value


def _is_category(value: str, feature: Category) -> bool:
    return value in feature.categories or (value in _ABSENT and feature.unknown == "ignore")


def _is_number(value: str, feature: Number) -> bool:
    if value in _ABSENT:
        return feature.missing == "impute"
    return _is_finite(value) and feature.minimum <= float(value) <= feature.maximum


def _is_finite(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
