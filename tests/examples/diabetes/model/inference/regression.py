"""The model: verified against its manifest, then asked for rows that the schema allows."""

import hashlib
import json
from pathlib import Path
from typing import Any

from engine import Engine

Row = dict[str, Any]


class BadRow(Exception):
    """A row that the schema does not allow; the message names it."""


class Regression:
    """Answers rows with one number each."""

    def __init__(self, folder: Path) -> None:
        for name, digest in json.loads((folder / "manifest.json").read_text())["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                raise SystemExit(f"{name} is not the file that the manifest names")
        self._features: list[Row] = json.loads((folder / "schema.json").read_text())["features"]
        self._engine = Engine(folder)

    def predict(self, rows: list[Row]) -> list[float]:
        """Answer every row, or raise BadRow."""
        columns = {
            feature["name"]: [_checked(feature, number, row) for number, row in enumerate(rows)]
            for feature in self._features
        }
        return self._engine.predict(columns)


def _checked(feature: Row, number: int, row: Row) -> object:
    value = row.get(feature["name"]) if isinstance(row, dict) else None
    if feature["type"] == "category":
        good = value in feature["categories"]
    else:
        good = isinstance(value, int | float) and feature["minimum"] <= value <= feature["maximum"]
    if not good:
        raise BadRow(f"row {number}: {feature['name']} is {value!r}")
    return value
