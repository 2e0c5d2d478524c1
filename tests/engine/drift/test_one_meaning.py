"""Whatever the schema: training, gates, `schema`, server, monitor and feature store read the same text alike."""

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sagemaker_gitops.build.feature_records import rows as stored_rows
from sagemaker_gitops.monitor.baseline import Baseline, read_baseline
from sagemaker_gitops.monitor.reader import CaptureReader
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.project.data_contract import check as check_data
from sagemaker_gitops.project.features import define
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops_modelkit.gates import data_quality
from sagemaker_gitops_modelkit.serving.arrow_input import ArrowInput
from sagemaker_gitops_modelkit.serving.csv_input import CsvInput
from sagemaker_gitops_modelkit.serving.json_input import JsonInput
from sagemaker_gitops_modelkit.serving.problem import Problem
from sagemaker_gitops_modelkit.serving.schema import MISSING, UNSEEN
from sagemaker_gitops_modelkit.serving.schema import Schema as ServingSchema
from sagemaker_gitops_modelkit.serving.schema import parse_schema as serving_schema
from sagemaker_gitops_modelkit.training.data import as_meant, features, onnx_inputs, parse, read_text
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Schema, parse_schema
from sagemaker_gitops_modelkit.training.reference_statistics import constraints, statistics
from tests.engine.drift.worlds import END, RELEASE, VARIANT, WINDOW, event

Batch = npt.NDArray[np.float32]

NAMES = ["size", "colour", "NA", "a", "b"]
CATEGORIES = ["NA", "null", "None", "nan", "N/A", "EU", "a", "size", "1", "1.0", "x y"]
NUMBER_CELLS = ["1", "+3.9", " 3.9 ", "3.9\t", "5.", ".5", "-1e1", "", "  ", "null", "NA", "N/A", "None", "nan"]
NO_NUMBERS = ["1_0", "٣", "inf", "x", "a", "1e999", "0x1"]
TEXT_CELLS = [*CATEGORIES, *(f" {text} " for text in CATEGORIES), "", " ", "eu", "new", "NULL", "colour", "b"]
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
# So many rows in a block are read by Arrow.
MANY = 500


@dataclass(frozen=True)
class Case:
    """A schema's features, and rows of cells as a CSV body has them."""

    features: tuple[dict[str, Any], ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def document(self) -> dict[str, Any]:
        """The whole schema.json."""
        around = {"target": "deny", "id": "key", "protected": "group"}
        labels = {"positive": "yes", "negative": "no", "favourable": "no"}
        return {**around, **labels, "features": list(self.features)}

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names."""
        return tuple(feature["name"] for feature in self.features)

    @cached_property
    def trained(self) -> Schema:
        """The schema as training has it."""
        return parse_schema(self.document)

    @cached_property
    def served(self) -> ServingSchema:
        """The schema as the server has it."""
        return serving_schema(json.dumps(self.document).encode())

    @cached_property
    def baseline(self) -> Baseline:
        """A baseline as training writes it."""
        table = pd.DataFrame(
            {f["name"]: np.arange(10.0) if f["type"] == "number" else f["categories"][0] for f in self.features},
            index=range(10),
        )
        scores = {"edges": [0, 1], "negative": [0], "positive": [0]}
        files = {
            "schema.json": self.document,
            "statistics.json": statistics(table, self.trained),
            "constraints.json": constraints(table, self.trained),
            "metrics.json": {"scores": scores, "groups": {}, "overall": {}},
        }
        return read_baseline({name: json.dumps(it).encode() for name, it in files.items()}, where="a test")


def _feature(name: str, *, is_number: bool, missing: str, categories: list[str], unknown: str) -> dict[str, Any]:
    if is_number:
        return {"name": name, "type": "number", "minimum": -100, "maximum": 100, "missing": missing}
    return {"name": name, "type": "category", "categories": categories, "unknown": unknown, "missing": missing}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a schema, and rows that mostly suit it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    found = tuple(
        _feature(
            name,
            is_number=draw(st.booleans()),
            missing=draw(st.sampled_from(["impute", "impute", "refuse"])),
            categories=draw(st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=4, unique=True)),
            unknown=draw(st.sampled_from(["ignore", "refuse"])),
        )
        for name in names
    )
    numbers = st.sampled_from(NUMBER_CELLS) | st.sampled_from([*NUMBER_CELLS, *NO_NUMBERS])
    cells = [
        numbers if one["type"] == "number" else st.sampled_from(TEXT_CELLS) | st.sampled_from(one["categories"])
        for one in found
    ]
    return Case(found, tuple(draw(st.lists(st.tuples(*cells), min_size=1, max_size=3))))


def as_body(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as CSV; one of a single empty cell is quoted, or it would be no row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def serve(case: Case, body: str, *, header: bool | None) -> Batch | None:
    """Return what the server gives to the model, None where it refuses the body."""
    try:
        return CsvInput(case.served, max_rows=10_000).decode(body.encode(), header=header)
    except Problem:
        return None


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What the data set is to training, None where it is refused; to the gates; to `schema`; and to the store."""

    batch: Batch | None
    text: pd.DataFrame
    blamed: frozenset[str]
    stored: Sequence[dict[str, str]]


def train(case: Case) -> Learnt:
    """Read the rows as a data set of a project."""
    head = ("key", "deny", "group", *case.names)
    rows = [(str(number), "yes", "some", *row) for number, row in enumerate(case.rows)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data/data.csv"
        file.parent.mkdir()
        file.write_text("\ufeff" + as_body([head, *rows]), encoding="utf-8")
        text = read_text(file.parent)
        found = check_data(Path(folder), ModelSchema.model_validate(case.document))
        stored = list(stored_rows([file], define(case.document)))
    blamed = frozenset(one.message.partition(":")[0] for one in found)
    try:
        (batch,) = onnx_inputs(features(parse(text, case.trained), case.trained), case.trained).values()
    except InputRefused:
        batch = None
    return Learnt(batch=batch, text=as_meant(text, case.trained), blamed=blamed, stored=stored)


def watch(case: Case, body: str, *, kind: str = "text/csv", copies: int = 1) -> Tally:
    """Return what the monitor counts of a captured body."""
    captured = {"observedContentType": kind, "mode": "INPUT", "data": body, "encoding": "CSV"}
    line = json.dumps(event(captured, None, name="call", time=WINDOW.start)).encode() + b"\n"
    assert WINDOW.start < END
    reader = CaptureReader(case.baseline, window=WINDOW, release=RELEASE)
    reader.read("captured.jsonl", [line * copies], variant=VARIANT)
    return reader.finish()


def counted(case: Case, batch: Batch) -> dict[str, tuple[int, ...]]:
    """Count a batch as the monitor should: values or categories, then missing and unknown ones."""
    found: dict[str, tuple[int, ...]] = {}
    for feature, column in zip(case.features, batch.T, strict=True):
        if feature["type"] == "number":
            found[feature["name"]] = (int((~np.isnan(column)).sum()), int(np.isnan(column).sum()), 0)
        else:
            known = [int((column == place).sum()) for place in range(len(feature["categories"]))]
            found[feature["name"]] = (*known, int((column == MISSING).sum()), int((column == UNSEEN).sum()))
    return found


def told(tally: Tally, *, copies: int = 1) -> dict[str, tuple[int, ...]]:
    """Give a tally's counts in the same form."""
    numbers = {name: (one.present, one.missing, one.invalid) for name, one in tally.numbers.items()}
    categories = {
        name: (*map(int, one.counts), one.missing, one.unknown + one.invalid) for name, one in tally.categories.items()
    }
    return {name: tuple(n // copies for n in one) for name, one in (numbers | categories).items()}


@SETTINGS
@given(cases(), st.sampled_from([1, MANY]))
def test_a_row_means_the_same_everywhere(case: Case, copies: int) -> None:
    """What the server accepts, training learns from as the same numbers, and the monitor counts as such."""
    body = as_body(case.rows)
    batch = serve(case, body, header=False)
    learnt = train(case)
    seen = told(watch(case, body, kind="text/csv; header=absent", copies=copies), copies=copies)

    if batch is None:
        violated = sum(data_quality.violations(learnt.text, case.trained).values())
        assert learnt.batch is None or violated
        assert learnt.blamed
        assert any(one[-1] or one[-2] for one in seen.values())
    else:
        assert learnt.batch is not None
        np.testing.assert_array_equal(learnt.batch, batch)
        assert seen == counted(case, batch)
        unseen = {name for name, column in zip(case.names, batch.T, strict=True) if (column == UNSEEN).any()}
        assert learnt.blamed == unseen - {f["name"] for f in case.features if f["type"] == "number"}
        assert [set(case.names).intersection(row) for row in learnt.stored] == [
            {name for name, cell in zip(case.names, row, strict=True) if not (np.isnan(cell) or cell == MISSING)}
            for row in batch
        ]


@SETTINGS
@given(cases(), st.booleans(), st.sampled_from(["", "\ufeff"]), st.sampled_from([1, MANY]))
def test_server_and_monitor_take_the_same_line_for_a_header(case: Case, named: bool, mark: str, copies: int) -> None:
    """With a header or without, and with a byte-order mark before it, both find the same rows."""
    body = mark + as_body([case.names, *case.rows] if named else case.rows)
    batch = serve(case, body, header=None)
    assume(batch is not None)
    assert batch is not None

    tally = watch(case, body, copies=copies)

    assert tally.reading.rows == len(batch) * copies
    assert told(tally, copies=copies) == counted(case, batch)


REGION: dict[str, Any] = {"name": "region", "type": "category", "unknown": "ignore"}


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A"])
@pytest.mark.parametrize(
    ("categories", "missing", "place"),
    [(True, "impute", 0.0), (True, "refuse", 0.0), (False, "impute", MISSING), (False, "refuse", UNSEEN)],
)
def test_a_word_for_nothing_is_a_category_where_it_is_listed(
    word: str, categories: bool, missing: str, place: float
) -> None:
    """A listed one is that category; else it is missing where the column allows that; in each media type alike."""
    listed = [word, "EU"] if categories else ["SA", "EU"]
    case = Case(({**REGION, "categories": listed, "missing": missing},), ((word,),))
    stream = io.BytesIO()
    table = pa.table({"region": [word]})
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)

    answers = [
        train(case).batch,
        serve(case, as_body(case.rows), header=None),
        JsonInput(case.served, max_rows=1).decode(json.dumps({"instances": [{"region": word}]}).encode()),
        ArrowInput(case.served, max_rows=1).decode(stream.getvalue()),
    ]

    assert [None if answer is None else answer.tolist() for answer in answers] == [[[place]]] * 4


def test_a_category_named_as_a_feature_is_no_header() -> None:
    """Ten rows a request whose first category is its column's own name are ten rows."""
    kind = {**REGION, "categories": ["region", "EU"]}
    size = {"name": "size", "type": "number", "minimum": 0, "maximum": 9, "missing": "impute"}
    other = {**REGION, "name": "colour", "categories": ["red"]}
    for case in (
        Case((kind, size), tuple(("region", cell) for cell in ("1", "", "NA", "2.5"))),
        Case((kind, other), (("region", "red"), ("EU", "red"))),
    ):
        batch = serve(case, as_body(case.rows), header=None)

        assert batch is not None
        assert len(batch) == len(case.rows) == watch(case, as_body(case.rows)).reading.rows


@pytest.mark.parametrize(("header", "rows"), [("", 1), ("; header=absent", 2), ('; HEADER="present"', 1)])
def test_the_content_type_decides_on_a_header(header: str, rows: int) -> None:
    """A line of names alone is a header, unless the caller says that there is none."""
    case = Case(({**REGION, "categories": ["region", "EU"]},), ())
    told_by = {"": None, "; header=absent": False}.get(header, True)

    batch = serve(case, "region\nEU\n", header=told_by)

    assert batch is not None
    assert len(batch) == rows == watch(case, "region\nEU\n", kind=f"text/csv{header}").reading.rows
