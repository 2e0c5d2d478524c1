"""The JSON files that people edit: an object, or an error that names file and line."""

import json
from pathlib import Path
from typing import Any

from sagemaker_gitops.errors import ConfigurationError


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as err:
        raise ConfigurationError(
            "a configuration file is missing",
            where=str(path),
            next_step="run from the project's root, or restore the file from git",
        ) from err
    except json.JSONDecodeError as err:
        raise ConfigurationError(
            f"not valid JSON: {err.msg}",
            where=f"{path}:{err.lineno}:{err.colno}",
            next_step="correct the file; `git diff` shows what changed",
        ) from err
    if not isinstance(content, dict):
        raise ConfigurationError("a JSON object is expected", where=str(path), next_step="wrap it in { }")
    return content
