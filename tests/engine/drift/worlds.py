"""Captured traffic made of real rows and a really trained model, and what may go wrong with it."""

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sagemaker_gitops.monitor.answers import Truth
from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.events import ARROW
from sagemaker_gitops.monitor.reader import CaptureReader
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.window import Window

FINGERPRINT = "ab12cd34" + "0" * 56
RELEASE = FINGERPRINT[:8]
VARIANT = f"v3-{RELEASE}"
END = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = Window(start=END - timedelta(hours=24), end=END, labels_since=END - timedelta(hours=168))

Table = pd.DataFrame
Encode = Callable[[Sequence[Mapping[str, object]]], dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class World:
    """The real rows, the probability that the trained model gives each, and its baseline."""

    rows: Table
    probability: npt.NDArray[np.float64]
    baseline: Baseline
    files: Mapping[str, bytes]

    def sample(self, count: int, *, seed: int) -> "World":
        """Draw rows with replacement, each with its own answer."""
        chosen = np.random.default_rng(seed).integers(0, len(self.rows), count)
        return self.take(chosen)

    def take(self, chosen: npt.NDArray[np.int64]) -> "World":
        """Pick rows, each with its own answer."""
        rows = self.rows.iloc[chosen].reset_index(drop=True)
        return World(rows=rows, probability=self.probability[chosen], baseline=self.baseline, files=self.files)

    def changed(self, **columns: "pd.Series[Any]") -> "World":
        """Replace columns; the answers stay."""
        rows = self.rows.assign(**columns)
        return World(rows=rows, probability=self.probability, baseline=self.baseline, files=self.files)

    def requests(self) -> list[dict[str, object]]:
        """Give the rows as a caller sends them."""
        names = self.baseline.contract.names
        return [dict(zip(names, row, strict=True)) for row in self.rows[list(names)].itertuples(index=False)]


def as_json(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as JSON rows."""
    data = json.dumps({"instances": list(rows)})
    return {"observedContentType": "application/json", "mode": "INPUT", "data": data, "encoding": "JSON"}


def as_columns(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as JSON columns."""
    data = json.dumps({"columns": {name: [row[name] for row in rows] for name in rows[0]}})
    return {"observedContentType": "application/json", "mode": "INPUT", "data": data, "encoding": "JSON"}


def as_csv(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as CSV without a header, every text quoted."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows([list(row.values()) for row in rows])
    return {"observedContentType": "text/csv", "mode": "INPUT", "data": text.getvalue(), "encoding": "CSV"}


def as_plain_csv(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as CSV, nothing quoted."""
    data = "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    return {"observedContentType": "text/csv", "mode": "INPUT", "data": data, "encoding": "CSV"}


def as_csv_with_header(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as CSV below a header, the columns in an order of the caller's own."""
    names = sorted(rows[0])
    text = io.StringIO()
    csv.writer(text).writerows([names, *([row[name] for name in names] for row in rows)])
    return {"observedContentType": "text/csv", "mode": "INPUT", "data": text.getvalue(), "encoding": "CSV"}


def as_arrow(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Write a request as an Arrow stream: a content type that is listed nowhere, so it is captured in Base64."""
    table = pa.Table.from_pylist([dict(row) for row in rows])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = base64.b64encode(sink.getvalue()).decode()
    return {"observedContentType": ARROW, "mode": "INPUT", "data": data, "encoding": "BASE64"}


def in_base64(encode: Encode) -> Encode:
    """Write a request as it is captured when its content type was not listed."""

    def encoded(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
        payload = encode(rows)
        return payload | {"data": base64.b64encode(payload["data"].encode()).decode(), "encoding": "BASE64"}

    return encoded


def answer(probabilities: Iterable[float], *, fingerprint: str = FINGERPRINT) -> dict[str, str]:
    """Write what the serving container answers."""
    predictions = [{"label": "yes" if p >= 0.3 else "no", "probability": p} for p in probabilities]
    body = {"predictions": predictions, "model_version": "3", "fingerprint": fingerprint, "inference_id": "unused"}
    return {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": json.dumps(body),
        "encoding": "JSON",
    }


def event(request: dict[str, str], response: dict[str, str] | None, *, name: str, time: datetime) -> dict[str, object]:
    """Write one captured call."""
    data = {"endpointInput": request} | ({"endpointOutput": response} if response else {})
    metadata = {
        "eventId": f"event-{name}",
        "inferenceId": name,
        "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def events(world: World, *, encode: Encode = as_json, rows_each: int = 1, start: datetime | None = None) -> list[bytes]:
    """Capture a world's rows, a request every second up to the end; call `n` is `call-n`."""
    requests = world.requests()
    first = start or END - timedelta(seconds=min(ceil(len(requests) / rows_each), 36000))
    lines = []
    for place in range(0, len(requests), rows_each):
        part = slice(place, place + rows_each)
        name = f"call-{place // rows_each}"
        time = first + timedelta(seconds=(place // rows_each) % 36000)
        response = answer(map(float, world.probability[part]))
        lines.append(json.dumps(event(encode(requests[part]), response, name=name, time=time)).encode())
    return lines


def truth_lines(world: World, *, flip: float = 0.0, seed: int = 0, encoding: str = "CSV") -> list[bytes]:
    """Tell the true labels of calls of one row each, a share of them flipped."""
    wrong = np.random.default_rng(seed).random(len(world.rows)) < flip
    labels = np.where(wrong, np.where(world.rows["deny"] == "yes", "no", "yes"), world.rows["deny"])
    lines = []
    for place, label in enumerate(labels):
        data = label if encoding == "CSV" else json.dumps({"deny": label, "afam": world.rows["afam"][place]})
        record = {
            "groundTruthData": {"data": data, "encoding": encoding},
            "eventMetadata": {"eventId": f"call-{place}"},
            "eventVersion": "0",
        }
        lines.append(json.dumps(record).encode())
    return lines


def read(
    world: World,
    files: Iterable[Iterable[bytes]],
    *,
    truth: Truth | None = None,
    variant: str = VARIANT,
    window: Window = WINDOW,
) -> Tally:
    """Read capture files, each given as its lines, in one process."""
    reader = CaptureReader(world.baseline, window=window, release=RELEASE, truth=truth)
    for number, lines in enumerate(files):
        reader.read(f"file-{number}.jsonl", [b"".join(line + b"\n" for line in lines)], variant=variant)
    return reader.finish()
