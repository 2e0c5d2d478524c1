"""The offline store's history, and what was known of it: for each label the newest record not later than it.

Feature Store appends every write; of several records of one id and time the last call counts (developer guide:
"Create queries against the offline store"). A deletion is a record, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from sagemaker_gitops.build.feature_records import parse_time
from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.project.features import Definition

_TIME = "_event"
_WRITTEN, _CALLED, _DELETED = "write_time", "api_invocation_time", "is_deleted"


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Labels with their features, as CSV; labels whose id was unknown or deleted at their time are left out."""

    csv: str
    rows: int
    missing: tuple[str, ...]


def load(files: Iterable[bytes], definition: Definition) -> pd.DataFrame:
    """Read the Parquet files of an offline store."""
    columns = [*definition.types, _WRITTEN, _CALLED, _DELETED]
    frames = [pq.read_table(BytesIO(content), columns=columns).to_pandas() for content in files]
    history = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    # A join compares ids of equal type alone, and labels are plain objects.
    history[definition.id] = history[definition.id].astype("object")
    history[_TIME] = _times(history[definition.event_time])
    for name in (_WRITTEN, _CALLED):
        history[name] = _times(history[name])
    return history


def known(history: pd.DataFrame, definition: Definition, *, at: datetime) -> pd.DataFrame:
    """Keep what had been written by a moment, one record for each id and time."""
    seen = history[history[_WRITTEN] <= pd.Timestamp(at)]
    ordered = seen.sort_values([_TIME, _CALLED, _WRITTEN], kind="stable")
    return ordered.drop_duplicates([definition.id, _TIME], keep="last")


def join(records: pd.DataFrame, labels: pd.DataFrame, definition: Definition) -> TrainingSet:
    """Give each label, in its own order, the features that were true at its time."""
    wanted = labels.reset_index(drop=True).rename_axis("_order").reset_index()
    told = records.drop(columns=[definition.event_time, _WRITTEN, _CALLED])
    merged = pd.merge_asof(
        wanted.sort_values(_TIME, kind="stable"),
        told.sort_values(_TIME, kind="stable"),
        on=_TIME,
        by=definition.id,
        direction="backward",
    ).sort_values("_order")
    found = (merged[_DELETED] == False).fillna(value=False).astype(bool)  # noqa: E712  a label without a record has none
    table = merged.loc[found, [*(name for name in labels.columns if name != _TIME), *definition.features]]
    missing = tuple(merged.loc[~found, definition.id])
    return TrainingSet(csv=table.to_csv(index=False, lineterminator="\n"), rows=len(table), missing=missing)


def labels(rows: Iterable[Mapping[str, str]], definition: Definition, *, at: datetime) -> pd.DataFrame:
    """Take rows as labels: every column that is no feature; a row that tells no time is asked about as of `at`."""
    table = pd.DataFrame(
        [{name: text for name, text in row.items() if name not in definition.features} for row in rows], dtype="object"
    )
    if definition.id not in table.columns or table[definition.id].isna().any():
        raise DataInvalid(
            f"a label without {definition.id}",
            where=", ".join(table.columns) or "no row",
            next_step=f"give each row its {definition.id}, and {definition.event_time} where it is not the latest",
        )
    times = table[definition.event_time] if definition.event_time in table.columns else pd.Series([None] * len(table))
    moments = [parse_time(text, row=row) if isinstance(text, str) else at for row, text in enumerate(times, start=1)]
    table[_TIME] = _times(pd.Series(moments, dtype="object"))
    return table


def _times(values: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    # One unit for all: a join compares times of equal type alone.
    return pd.to_datetime(values, utc=True, format="ISO8601").astype("datetime64[ns, UTC]")
