"""The API description and the schema of this checkout against those of the base branch."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from pipeline import git
from pipeline.contract import api, features
from pipeline.contract.documents import line_of
from pipeline.contract.features import ModelSchema
from pipeline.contract.shapes import Tree, tree
from pipeline.result import Annotation

API = "model/inference/openapi.yml"
SCHEMA = "model/config/schema.json"


def check(root: Path, base: str) -> tuple[Annotation, ...]:
    """Find what breaks those who call the model of `base`; only noted where the major version announces it."""
    commit = git.merge_base(root, base)
    before, after = git.content(root, commit, API), _read(root / API)
    announced = bool(before) and api.allows_breaks(_tree(before), _tree(after))
    found = (*_api(before, after), *_schema(git.content(root, commit, SCHEMA), _read(root / SCHEMA)))
    return tuple(
        Annotation(message=f"breaks callers: {message}", file=file, line=line, level="notice" if announced else "error")
        for file, line, message in found
    )


def _api(before: str | None, after: str) -> list[tuple[str, int, str]]:
    if before is None:
        return []
    changes = api.breaking(_tree(before), _tree(after))
    return [(API, line_of(after, item.path), f"{_place(item.path)}: {item.message}") for item in changes]


def _schema(before: str | None, after: str) -> list[tuple[str, int, str]]:
    try:
        old, new = (ModelSchema.model_validate_json(text or "") for text in (before, after))
    except ValidationError:
        return []  # nothing to compare with; an invalid schema of this checkout is told by its own check
    names = [feature.name for feature in new.features]
    return [
        (SCHEMA, line_of(after, ["features", names.index(name)] if name in names else [name]), f"{name}: {text}")
        for name, text in features.breaking(old, new)
    ]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _tree(text: str | None) -> Tree:
    try:
        return tree(yaml.safe_load(text or ""))
    except yaml.YAMLError:
        return {}  # Spectral names the fault


def _place(path: tuple[int | str, ...]) -> str:
    return " > ".join(str(step) for step in path)
