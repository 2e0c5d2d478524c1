"""The API description and the schema of this checkout against those of the base branch."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project import api_changes as api
from sagemaker_gitops.project import git
from sagemaker_gitops.project import model_schema as features
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.schema_documents import line_of
from sagemaker_gitops.project.shapes import Tree, tree

API = "model/inference/openapi.yml"
SCHEMA = "model/config/schema.json"


def check(root: Path, base: str) -> tuple[Annotation, ...]:
    """Find what breaks those who call the model of `base`; only noted where the major version announces it."""
    commit = git.merge_base(root, base)
    before = {file: git.content(root, commit, file) or "" for file in (API, SCHEMA)}
    after = {file: _read(root / file) for file in (API, SCHEMA)}
    announced = api.allows_breaks(_tree(before[API]), _tree(after[API]))
    return tuple(
        Annotation(message=f"breaks callers: {message}", file=file, line=line, level="notice" if announced else "error")
        for file in (API, SCHEMA)
        for line, message in breaks(file, before[file], after[file])
    )


def breaks(file: str, before: str, after: str) -> list[tuple[int, str]]:
    """Find what breaks callers between two texts of the API description or the schema, and at which line."""
    return _api(before, after) if file == API else _schema(before, after)


def _api(before: str, after: str) -> list[tuple[int, str]]:
    changes = api.breaking(_tree(before), _tree(after))
    return [(line_of(after, item.path), f"{_place(item.path)}: {item.message}") for item in changes]


def _schema(before: str, after: str) -> list[tuple[int, str]]:
    try:
        old, new = (ModelSchema.model_validate_json(text) for text in (before, after))
    except ValidationError:
        return []  # nothing to compare with; an invalid schema of this checkout is told by its own check
    names = [feature.name for feature in new.features]
    return [
        (line_of(after, ["features", names.index(name)] if name in names else [name]), f"{name}: {text}")
        for name, text in features.breaking(old, new)
    ]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _tree(text: str) -> Tree:
    try:
        return tree(yaml.safe_load(text))
    except yaml.YAMLError:
        return {}  # Spectral names the fault


def _place(path: tuple[int | str, ...]) -> str:
    return " > ".join(str(step) for step in path)
