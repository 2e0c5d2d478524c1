"""Requests made of real rows."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sagemaker_gitops_modelkit.training.data import features, parse, read_text
from sagemaker_gitops_modelkit.training.feature_schema import Schema

ARROW = "application/vnd.apache.arrow.stream"

# None is a missing number.
Instance = Mapping[str, float | str | None]


def instances(data_dir: Path, schema: Schema, count: int) -> list[Instance]:
    """Return rows of the data set as JSON instances, from its beginning again where it is too short."""
    rows = features(parse(read_text(data_dir), schema), schema).astype(object)
    typed: list[Any] = rows.where(rows.notna(), None).to_dict("records")
    return [typed[place % len(typed)] for place in range(count)]


def json_rows(rows: Sequence[Instance]) -> bytes:
    """Write rows as {"instances": […]}."""
    return json.dumps({"instances": rows}).encode()


def json_columns(rows: Sequence[Instance]) -> bytes:
    """Write rows as {"columns": {…}}."""
    return json.dumps({"columns": {name: [row[name] for row in rows] for name in rows[0]}}).encode()


def csv_rows(rows: Sequence[Instance], *, header: bool) -> bytes:
    """Write rows as CSV in the schema's order."""
    lines = io.StringIO()
    writer = csv.writer(lines)  # RFC 4180: a line ends with CRLF, a cell of None is empty
    writer.writerows([*([rows[0]] if header else []), *(row.values() for row in rows)])
    return lines.getvalue().encode()


def arrow_rows(rows: Sequence[Instance]) -> bytes:
    """Write rows as an Arrow IPC stream of one batch; what CSV leaves empty is null."""
    table = pa.Table.from_pylist([{name: None if cell == "" else cell for name, cell in row.items()} for row in rows])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
