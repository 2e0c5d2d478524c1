"""What tests change in a checkout, and how GitHub tells of a pull request that does."""

import json
import subprocess
from pathlib import Path
from typing import Any


def pull_request(folder: Path, *, head: str) -> dict[str, Any]:
    """Describe a pull request of the last commit, from the repository `head`, as GitHub does."""
    base = subprocess.run(
        ["git", "rev-parse", "HEAD~1"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        "number": 12,
        "pull_request": {
            "number": 12,
            "base": {"ref": "main", "sha": base},
            "head": {"ref": "change", "repo": {"full_name": head}},
        },
    }


def edit(folder: Path, file: str, before: str, after: str) -> None:
    """Replace a piece of text that must be there."""
    text = (folder / file).read_text(encoding="utf-8")
    assert before in text, f"{file} has changed; choose another edit for this test"
    (folder / file).write_text(text.replace(before, after, 1), encoding="utf-8")


def set_hyperparameter(folder: Path, name: str, value: str) -> None:
    """Change one hyperparameter."""
    path = folder / "model/config/hyperparameters.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {name: value}, indent=2), encoding="utf-8"
    )
