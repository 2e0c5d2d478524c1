"""From CSV files to a table and a fixed split."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

TEST_SHARE = 0.3


def load(folder: Path, schema: dict[str, Any]) -> pd.DataFrame:
    """Read every CSV file of a channel; ValueError names a column that is missing or incomplete."""
    kinds = {feature["name"]: str for feature in schema["features"] if feature["type"] == "category"}
    table = pd.concat([pd.read_csv(path, dtype=kinds) for path in sorted(folder.glob("*.csv"))], ignore_index=True)
    columns = [schema["id"], schema["target"], *(feature["name"] for feature in schema["features"])]
    for name in columns:
        if name not in table or table[name].isna().any():
            raise ValueError(f"column {name} is missing, or empty in some row; the header is {list(table.columns)}")
    return table


def split(table: pd.DataFrame, schema: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out the rows whose id hashes low: a row keeps its side whatever rows come or go."""
    low = table[schema["id"]].map(lambda key: hashlib.sha256(str(key).encode()).digest()[0] / 256 < TEST_SHARE)
    return table[~low], table[low]
