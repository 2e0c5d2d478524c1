"""From the data set's CSV files to features, target and a fixed split. The gates use the same functions."""

import csv
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sagemaker_gitops_modelkit.cells import read_category, read_number, read_numbers, read_rows
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import INPUT, UNSEEN, Schema

TEST_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class Split:
    """The rows a model learns from, and those it is judged by."""

    train: pd.DataFrame
    test: pd.DataFrame


def read_text(directory: Path) -> pd.DataFrame:
    """Read every CSV file below a channel, each cell as it is written."""
    files = sorted(directory.glob("*.csv"))
    if not files:
        raise InputRefused(
            "no CSV file was given",
            where=str(directory),
            next_step="upload the data version to the `training` channel's S3 prefix",
        )
    return pd.concat([_read_file(path) for path in files], ignore_index=True).fillna("")


def _read_file(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = read_rows(lines)
    except UnicodeDecodeError as error:
        raise InputRefused(_undecodable(path), where=str(path), next_step="save the file as UTF-8") from error
    except csv.Error as error:
        raise _no_table(path, str(error)) from error
    if not rows:
        raise _no_table(path, "it is empty")
    if len(rows) == 1:
        raise InputRefused("the file has no rows", where=str(path), next_step="give it data, or remove it")
    names = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(names):
            raise _no_table(path, f"data row {number} has {len(row)} cells, the header {len(names)}")
    if len(set(names)) < len(names):
        raise _no_table(path, "its header names a column twice")
    return pd.DataFrame(rows[1:], columns=names, dtype=object)


def _no_table(path: Path, why: str) -> InputRefused:
    return InputRefused(
        f"the file is not a CSV table: {why}",
        where=str(path),
        next_step="give it a header line and one row a line",
    )


def _undecodable(path: Path) -> str:
    """Say which byte is at fault: pandas knows its place in a block only."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"byte 0x{content[error.start]:02x} in line {line} is not UTF-8"
    return "the file changed while it was read"


def parse(text: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Convert the columns of the schema to numbers and strings; refuse what cannot be learnt from."""
    if absent := [name for name in schema.columns if name not in text.columns]:
        raise InputRefused(
            f"missing column: {', '.join(absent)}",
            where=f"the data's header: {', '.join(map(str, text.columns))}",
            next_step="add the column, or change model/config/schema.json",
        )
    frame = as_meant(text.loc[:, list(schema.columns)], schema)
    for number in schema.numbers:
        frame[number.name] = _to_numbers(frame[number.name])
    for feature in schema.features:
        if feature.missing == "refuse":
            _refuse_rows(frame[feature.name].isna(), f"column {feature.name} is missing")
    for column in schema.around:
        _refuse_rows(frame[column].isna(), f"column {column} is missing")
    if schema.classes:
        known = frame[schema.target].isin(schema.classes)
        _refuse_rows(~known, f"column {schema.target} is none of {', '.join(map(repr, schema.classes))}")
    else:
        frame[schema.target] = _to_numbers(frame[schema.target])
        _refuse_rows(frame[schema.target].isna(), f"column {schema.target} is missing")
    return frame


def as_meant(text: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Give each cell the meaning that it has in a request: a listed category, other text, or None for missing."""
    listed = {feature.name: feature.categories for feature in schema.categories}
    listed[schema.target] = schema.classes
    closed = {feature.name for feature in schema.features if feature.missing == "refuse"}
    meant = {name: _meant(text[name], listed.get(name, ()), optional=name not in closed) for name in map(str, text)}
    return pd.DataFrame(meant, index=text.index)


def _meant(column: "pd.Series[Any]", listed: tuple[str, ...], *, optional: bool) -> "pd.Series[Any]":
    read = {
        value: read_category(value, listed, optional=optional) if isinstance(value, str) else None
        for value in column.unique()
    }
    return column.map(read).astype(object)


def _to_numbers(column: "pd.Series[str]") -> "pd.Series[float]":
    numbers = numbers_of(column)
    wrong = numbers.abs() == math.inf
    if wrong.any():
        example = column[wrong].iloc[0]
        _refuse_rows(wrong, f"column {column.name} is not a finite number, as in {example!r}")
    return numbers


def numbers_of(column: "pd.Series[str]") -> "pd.Series[float]":
    """Read a column's numbers: NaN where one is missing, infinite where the text is none."""
    present = column.dropna()
    at_once = read_numbers(present.tolist())
    read = present.map(_number) if at_once is None else pd.Series(at_once, index=present.index)
    return read.astype("float64").reindex(column.index)


def _number(text: str) -> float:
    try:
        number = read_number(text)
    except ValueError:
        return math.inf
    return math.nan if number is None else number


def _refuse_rows(wrong: "pd.Series[bool]", what: str) -> None:
    if wrong.any():
        first = int(np.flatnonzero(wrong.to_numpy())[0])
        raise InputRefused(
            f"{what} in {int(wrong.sum())} of {len(wrong)} rows",
            where=f"first in data row {first + 1}",
            next_step="correct the data, or change model/config/schema.json",
        )


def split(frame: pd.DataFrame, schema: Schema) -> Split:
    """Hold out the rows whose id hashes low: a row keeps its side whatever rows come or go."""
    held_out = np.array([_fraction(str(row_id)) < TEST_SHARE for row_id in frame[schema.id]], dtype=bool)
    parts = Split(train=frame[~held_out], test=frame[held_out])
    for name, part in (("training", parts.train), ("test", parts.test)):
        lacking = [value for value in schema.classes if value not in set(part[schema.target])]
        if lacking or part[schema.target].nunique() < 2:
            raise InputRefused(
                f"the {name} split has {len(part)} rows, and {schema.target} never has {lacking or 'two values'}",
                where=f"{len(frame)} rows in all, {TEST_SHARE:.0%} of them held out",
                next_step="train on more rows",
            )
    return parts


def _fraction(row_id: str) -> float:
    digest = hashlib.sha256(row_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def load_split(directory: Path, schema: Schema) -> Split:
    """Read, convert and split a data version."""
    return split(parse(read_text(directory), schema), schema)


def features(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Select the model's inputs; a missing category is the empty string."""
    table = frame.loc[:, list(schema.feature_names)].copy()
    for category in schema.categories:
        table[category.name] = table[category.name].fillna("").astype(object)
    return table


def as_served(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Round the numbers to float32, as the graph gets them: so that nothing is learnt that it cannot tell apart."""
    rounded = {n.name: table[n.name].to_numpy(dtype=np.float32).astype(np.float64) for n in schema.numbers}
    return table.assign(**rounded)


def target(frame: pd.DataFrame, schema: Schema) -> npt.NDArray[Any]:
    """Return each row's class by its place in the schema's order, 1 for a positive one; a regression's own numbers."""
    if not schema.classes:
        return frame[schema.target].to_numpy(dtype=np.float64)
    places = {value: place for place, value in enumerate(schema.classes)}
    return frame[schema.target].map(places).to_numpy(dtype=np.int64)


def groups(frame: pd.DataFrame, schema: Schema) -> npt.NDArray[np.str_] | None:
    """Return each row's value of the protected attribute; None where the schema names none."""
    return frame[schema.protected].to_numpy(dtype=str) if schema.protected else None


def onnx_inputs(table: pd.DataFrame, schema: Schema) -> dict[str, npt.NDArray[np.float32]]:
    """Convert features to the graph's input, shape (rows, features): a category is its place in the schema's list."""
    places = {f.name: table[f.name].map(f.places).fillna(UNSEEN) for f in schema.categories}
    return {INPUT: table.assign(**places)[list(schema.feature_names)].to_numpy(dtype=np.float32)}
