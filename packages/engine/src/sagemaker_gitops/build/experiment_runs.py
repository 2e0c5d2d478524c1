"""What a run is called, and what is written into it: facts of the pipeline, none of the model's code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# The documents of an artefact; its model stays where it is, and a tag names the place.
DOCUMENTS = ("metrics.json", "schema.json", "manifest.json")
_SECTIONS = ("overall", "linear", "bias", "rows")


def metrics(document: Mapping[str, Any]) -> dict[str, float]:
    """Flatten the numbers of an artefact's metrics.json."""
    return dict(_numbers(document))


def verdict(report: Mapping[str, Any]) -> dict[str, float]:
    """Name each threshold that a gate checked the model against."""
    return {f"gate.{mark['gate']}.{mark['name']}": float(mark["value"]) for mark in report["marks"]}


def written(folder: Path, documents: Mapping[str, Any]) -> list[Path]:
    """Write documents to files, so that a run can hold them."""
    paths = []
    for name, document in documents.items():
        path = folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1, sort_keys=True))
        paths.append(path)
    return paths


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for section in _SECTIONS:
        for name, value in (document.get(section) or {}).items():
            if isinstance(value, int | float):
                yield f"{section}.{name}", float(value)
