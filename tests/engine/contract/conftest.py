"""A small API description, and a checkout that has it committed."""

import json
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.conftest import PROJECT
from tests.sample import ROOT

API: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Mortgage decisions", "version": "1.0.0", "description": "Predicts denials."},
    "tags": [{"name": "serving"}],
    "paths": {
        "/ping": {
            "get": {
                "operationId": "ping",
                "tags": ["serving"],
                "description": "Tells whether the model can answer.",
                "responses": {"200": {"description": "Ready"}},
            }
        },
        "/invocations": {
            "post": {
                "operationId": "predict",
                "tags": ["serving"],
                "description": "Predicts one label a row.",
                "parameters": [{"in": "header", "name": "Accept", "schema": {"type": "string"}}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Row"}},
                        "text/csv": {"schema": {"type": "string"}},
                    },
                },
                "responses": {
                    "200": {
                        "description": "The predictions",
                        "headers": {"X-Version": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
                    },
                    "400": {"description": "Refused", "content": {"application/problem+json": {}}},
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Row": {
                "type": "object",
                "required": ["pirat"],
                "properties": {
                    "pirat": {"type": "number", "minimum": 0, "maximum": 5},
                    "single": {"type": "string", "enum": ["no", "yes"]},
                    "parent": {"$ref": "#/components/schemas/Row"},
                },
            },
            "Answer": {
                "type": "object",
                "required": ["label"],
                "properties": {
                    "label": {"type": "string", "enum": ["no", "yes"]},
                    "rows": {"type": "array", "items": {"type": "number"}},
                },
            },
        }
    },
}


@pytest.fixture
def description() -> dict[str, Any]:
    """Give a description that a test may change."""
    return deepcopy(API)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy of the project what callers and the model agree on."""
    target = tmp_path / "checkout"
    for folder in (".github", "data", "infra/config", "model/config"):
        shutil.copytree(ROOT / folder, target / folder)
    for file in (".spectral.yaml", "package.json", "package-lock.json"):
        shutil.copy2(ROOT / file, target)
    (target / "model/inference").mkdir()
    (target / "infra/config/project.json").write_text(json.dumps(PROJECT))
    return target


@pytest.fixture
def committed(checkout: Path) -> Path:
    """Commit a valid project with its API description; the commit is tagged `base`."""
    write_api(checkout, API)
    (checkout / ".gitignore").write_text("node_modules\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Base"], ["tag", "base"]):
        git(checkout, *words)
    return checkout


@pytest.fixture
def committed_change(committed: Path, description: dict[str, Any]) -> Callable[[dict[str, Any]], Path]:
    """Commit another description on top."""

    def commit(changed: dict[str, Any]) -> Path:
        write_api(committed, changed)
        git(committed, "commit", "-q", "-a", "-m", "Change")
        return committed

    return commit


def write_api(root: Path, document: dict[str, Any]) -> None:
    """Write openapi.yml."""
    (root / "model/inference/openapi.yml").write_text(yaml.safe_dump(document, sort_keys=False))


def git(root: Path, *words: str) -> None:
    """Run git with an identity of its own."""
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True)
