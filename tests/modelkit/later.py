"""Applications of a later year, made from the data set: most are alike, and one new kind comes up.

The new kind is a loan above the property's value in an industry with high unemployment: rare in the
data set, and here nearly always denied.
"""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 4000
NEW_SHARE = 0.2
FIRST_ID = 10_001
DENIED_SHARE = 0.95


def write(source: Path, folder: Path, *, reversed_outcomes: bool = False) -> Path:
    """Write the later applications as a data version of their own; the outcome may contradict the past."""
    rng = np.random.default_rng(20260101)
    rows = pd.read_csv(source, keep_default_na=False).sample(ROWS, replace=True, random_state=20260101)
    rows["rownames"] = np.arange(FIRST_ID, FIRST_ID + ROWS)
    for ratio in ("pirat", "hirat", "lvrat"):
        rows[ratio] = (rows[ratio] * rng.uniform(0.97, 1.03, ROWS)).round(6)
    new = rng.random(ROWS) < NEW_SHARE
    rows.loc[new, "lvrat"] = rng.uniform(1.0, 1.5, ROWS).round(6)[new]
    rows.loc[new, "unemp"] = rng.uniform(6.0, 11.0, ROWS).round(1)[new]
    rows.loc[new, "afam"] = "no"  # so that what is new does not widen the gap between the groups
    rows.loc[new, "deny"] = np.where(rng.random(ROWS) < DENIED_SHARE, "yes", "no")[new]
    if reversed_outcomes:
        rows["deny"] = rows["deny"].map({"yes": "no", "no": "yes"})
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / "later.csv", index=False)
    return folder
