"""Data that nobody tuned the modelkit for: small sets that scikit-learn ships, as a stranger would bring them.

Some numbers are left out and some are turned into categories with names of their own, so that each kind of column
is there; nothing else is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sagemaker_gitops_modelkit.training.data import Split, parse, split
from sagemaker_gitops_modelkit.training.feature_schema import Schema, parse_schema
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

BANDS = ("schwach", "mittel", "stark", "N/V")


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A data set as CSV holds it, and its schema.json."""

    document: Mapping[str, Any]
    text: pd.DataFrame

    @property
    def schema(self) -> Schema:
        """The schema as the training job reads it."""
        return parse_schema(self.document)

    @property
    def split(self) -> Split:
        """The fixed split."""
        return split(parse(self.text, self.schema), self.schema)

    def write(self, folder: Path) -> Path:
        """Write the rows as a data version."""
        folder.mkdir(parents=True, exist_ok=True)
        self.text.to_csv(folder / "export 2026.csv", index=False)
        return folder


def breast_cancer(*, complete: bool = False) -> Foreign:
    """Return two classes, eight numbers, two with gaps unless `complete`, and two categories, one of them open."""
    given = load_breast_cancer(as_frame=True)
    numbers = given.data.iloc[:, [0, 1, 4, 5, 6, 8, 10, 24]]
    rows = _texts(numbers, gaps=() if complete else (1, 5))
    rows["Zellkern"] = pd.qcut(given.data["worst area"], 4, labels=list(BANDS)).astype(str)
    rows["rand:rau"] = np.where(given.data["worst smoothness"] > 0.13, "ja", "nein")
    rows["Befund"] = np.where(given.target == 0, "bösartig", "gutartig")
    features = [*_described(numbers), _category("Zellkern", BANDS, "ignore")]
    features.append(_category("rand:rau", ("ja", "nein"), "refuse"))
    labels = {"target": "Befund", "positive": "bösartig", "negative": "gutartig"}
    return Foreign(document={**labels, "id": "Fall-Nr", "features": features}, text=_numbered(rows))


def wine() -> Foreign:
    """Return three classes, a protected attribute, gaps, and a category."""
    given = load_wine(as_frame=True)
    numbers = given.data.iloc[:, [0, 1, 4, 5, 9, 11, 12]]
    rows = _texts(numbers, gaps=(2,))
    rows["Trübung"] = pd.qcut(given.data["ash"], 4, labels=list(BANDS)).astype(str)
    rows["Hang"] = np.where(given.data["magnesium"] > 98, "Süd", "Nord")
    rows["Sorte"] = [("Barolo", "Grignolino, alt", "Barbera")[place] for place in given.target]
    return Foreign(
        document={
            "task": "multiclass",
            "target": "Sorte",
            "classes": ["Grignolino, alt", "Barbera", "Barolo"],
            "favourable": "Barolo",
            "protected": "Hang",
            "id": "Fall-Nr",
            "features": [*_described(numbers), _category("Trübung", BANDS, "ignore")],
        },
        text=_numbered(rows),
    )


def diabetes() -> Foreign:
    """Return a number as the target, without a protected attribute."""
    given = load_diabetes(as_frame=True, scaled=False)
    numbers = given.data.drop(columns="sex")
    rows = _texts(numbers, gaps=(2, 3))
    rows["Geschlecht"] = given.data["sex"].map({1.0: "w", 2.0: "m"})
    rows["Verlauf"] = given.target.map(repr)
    features = [*_described(numbers), _category("Geschlecht", ("w", "m"), "refuse")]
    return Foreign(
        document={"task": "regression", "target": "Verlauf", "id": "Fall-Nr", "features": features},
        text=_numbered(rows),
    )


def _texts(numbers: pd.DataFrame, *, gaps: tuple[int, ...]) -> pd.DataFrame:
    texts = numbers.map(repr)
    for place in gaps:
        texts.iloc[place :: 7 + place, place] = ""
    return texts


def _described(numbers: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "type": "number",
            "minimum": float(np.floor(column.min())) - 1,
            "maximum": float(np.ceil(column.max())) + 1,
            "missing": "impute",
        }
        for name, column in numbers.items()
    ]


def _category(name: str, values: tuple[str, ...], unknown: str) -> dict[str, Any]:
    return {"name": name, "type": "category", "categories": list(values), "unknown": unknown}


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    rows.insert(0, "Fall-Nr", [f"F{number:05}" for number in range(len(rows))])
    return rows.replace("", np.nan)
