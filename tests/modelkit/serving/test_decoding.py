"""Decoders against random input: the fast path and the one that explains agree, and nothing else escapes."""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sagemaker_gitops_modelkit.serving.batch import Batch
from sagemaker_gitops_modelkit.serving.csv_input import CsvInput
from sagemaker_gitops_modelkit.serving.explain import Explainer
from sagemaker_gitops_modelkit.serving.json_input import JsonInput
from sagemaker_gitops_modelkit.serving.problem import Problem
from sagemaker_gitops_modelkit.serving.schema import Schema, parse_schema
from tests.sample import ROOT

CONFIG = ROOT / "model/config"
SCHEMA = parse_schema((CONFIG / "schema.json").read_bytes())
MAX_ROWS = 20
RARELY_SLOW = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def _good_cells(schema: Schema) -> dict[str, st.SearchStrategy[Any]]:
    cells: dict[str, st.SearchStrategy[Any]] = {}
    for feature in schema.features:
        value: st.SearchStrategy[Any] = (
            st.floats(feature.minimum, feature.maximum) if feature.is_number else st.sampled_from(feature.categories)
        )
        cells[feature.name] = value | st.none() if feature.is_optional else value
    return cells


GOOD_ROW = st.fixed_dictionaries(_good_cells(SCHEMA))
# Rows that are good but for a few cells, some of which are no feature at all.
SPOILED_ROW = st.builds(
    lambda row, changes: {**row, **changes},
    GOOD_ROW,
    st.dictionaries(st.sampled_from([*SCHEMA.names, "afam", "other"]), SCALARS, max_size=2),
)


def _json_input() -> JsonInput:
    return JsonInput(SCHEMA, max_rows=MAX_ROWS)


def _places(problem: Problem) -> set[tuple[int | None, str | None]]:
    return {(error.row, error.field) for error in problem.errors}


def _is_wrong(name: str, value: Any) -> bool:
    """Judge one cell by the schema's own words, in plain Python."""
    if name in SCHEMA.carried:
        return False
    feature = next((feature for feature in SCHEMA.features if feature.name == name), None)
    if feature is None:
        return True
    if value is None:
        return not feature.is_optional
    if feature.is_number:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return not is_number or not (feature.minimum or 0) <= value <= (feature.maximum or math.inf)
    if not isinstance(value, str):
        return True
    bare = value.strip()
    return not bare or (bare not in feature.categories and feature.unknown == "refuse")


@RARELY_SLOW
@given(st.lists(SPOILED_ROW, min_size=1, max_size=5))
def test_exactly_the_wrong_cells_are_named(rows: list[dict[str, Any]]) -> None:
    """A body is accepted when no cell is wrong; otherwise each wrong cell is named, and only those."""
    wrong = {(number, name) for number, row in enumerate(rows) for name, value in row.items() if _is_wrong(name, value)}
    body = json.dumps({"instances": rows}).encode()

    if wrong:
        with pytest.raises(Problem) as refused:
            _json_input().decode(body)
        assert _places(refused.value) == wrong
    else:
        assert _json_input().decode(body).shape == (len(rows), len(SCHEMA.features))


@RARELY_SLOW
@given(st.lists(SPOILED_ROW, min_size=1, max_size=5))
def test_rows_and_columns_are_judged_alike(rows: list[dict[str, Any]]) -> None:
    """The same table in either form is accepted with the same content, or refused at the same places."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    full = [{name: row.get(name) for name in names} for row in rows if set(row) == set(names)] or [rows[0]]
    columns = {name: [row.get(name) for row in full] for name in full[0]}

    by_row = _outcome({"instances": full})
    by_column = _outcome({"columns": columns})

    if isinstance(by_row, set) and any(name == "other" for _, name in by_row):
        assert by_column == {(None, "other")}
    else:
        assert by_row == by_column


@pytest.mark.parametrize("mark", ["[", ",", "{"])
def test_marks_of_the_syntax_in_texts_hide_no_error(mark: str) -> None:
    """A text of brackets or commas is named as any other wrong value."""
    name = next(feature.name for feature in SCHEMA.features if not feature.is_number and feature.unknown == "refuse")
    cells = [mark * MAX_ROWS] * 2

    with pytest.raises(Problem) as refused:
        _json_input().decode(json.dumps({"instances": [{name: cell} for cell in cells]}).encode())

    assert {(row, name) for row in range(len(cells))} <= _places(refused.value)


def _outcome(document: dict[str, Any]) -> set[tuple[int | None, str | None]] | list[list[Any]]:
    try:
        batch = _json_input().decode(json.dumps(document).encode())
    except Problem as problem:
        return _places(problem)
    return _shown(batch)


def _shown(batch: Batch) -> list[list[str]]:
    """Write the numbers down: as text a missing one is equal to itself."""
    return [list(map(str, row)) for row in batch]


@RARELY_SLOW
@given(st.lists(GOOD_ROW, min_size=1, max_size=5))
def test_csv_reads_what_json_reads(rows: list[dict[str, Any]]) -> None:
    """Numbers survive their way through text, and an empty cell is a missing value."""
    text = io.StringIO()
    csv.writer(text).writerows([["" if row[name] is None else row[name] for name in SCHEMA.names] for row in rows])

    from_csv = CsvInput(SCHEMA, max_rows=MAX_ROWS).decode(text.getvalue().encode())
    from_json = _json_input().decode(json.dumps({"instances": rows}).encode())

    assert _shown(from_csv) == _shown(from_json)


@RARELY_SLOW
@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_json_body_is_accepted_or_refused(body: bytes) -> None:
    """Whatever arrives, the decoder returns rows or raises a problem."""
    assert _is_judged(lambda: _json_input().decode(body))


@RARELY_SLOW
@given(
    st.binary(max_size=200) | st.text(alphabet='0123456789.,;"\r\nyesno\x00', max_size=200).map(str.encode),
    st.booleans(),
)
def test_any_csv_body_is_accepted_or_refused(body: bytes, header: bool) -> None:
    """Whatever arrives, the decoder returns rows or raises a problem."""
    assert _is_judged(lambda: CsvInput(SCHEMA, max_rows=MAX_ROWS).decode(body, header=header))


def _is_judged(decode: Callable[[], Batch]) -> bool:
    try:
        return len(decode()) >= 1
    except Problem as problem:
        return 400 <= problem.status < 500


@RARELY_SLOW
@given(st.dictionaries(st.sampled_from(["instances", "columns", "x"]), ANYTHING, max_size=3))
def test_any_shape_below_the_right_keys_is_judged(document: dict[str, Any]) -> None:
    """A refusal lists at least one error, or says that the body is malformed."""
    with pytest.raises(Problem) as refused:
        _json_input().decode(json.dumps(document).encode())

    assert refused.value.errors or refused.value.kind in {"malformed-body", "too-large"}


def test_explaining_a_hopeless_batch_stays_cheap() -> None:
    """Fifty thousand bad rows are judged without an object each."""
    explainer = Explainer(SCHEMA, strict=True)

    errors = explainer.errors({} for _ in range(50_000))

    assert sum(1 for _ in errors) == 50_000 * sum(not feature.is_optional for feature in SCHEMA.features)


OPEN = parse_schema(
    b'{"target": "t", "positive": "yes", "id": "key", "features": ['
    b'{"name": "size", "type": "number", "missing": "impute"},'
    b'{"name": "colour", "type": "category", "categories": ["a", "b"], "missing": "impute", "unknown": "ignore"}]}'
)
EVERY_KIND: list[dict[str, Any]] = [
    {"size": 1.5, "colour": "b", "key": "text"},
    {"size": None, "colour": "a"},
    {"size": 2, "colour": None, "key": 7},
    {"size": 3, "colour": "never seen"},
    {"size": 4, "colour": ""},
]


@pytest.mark.parametrize("form", ["instances", "columns", "csv"])
def test_categories_become_their_places(form: str) -> None:
    """A known category is its place in the list, an unseen one -1, a missing one -2; a carried column is left out."""
    names = ("size", "colour", "key")
    columns = {name: [row.get(name) for row in EVERY_KIND] for name in names}
    lines = [",".join("" if row.get(name) is None else str(row[name]) for name in names[:2]) for row in EVERY_KIND]
    decode = {
        "instances": lambda: JsonInput(OPEN, max_rows=5).decode(json.dumps({"instances": EVERY_KIND}).encode()),
        "columns": lambda: JsonInput(OPEN, max_rows=5).decode(json.dumps({"columns": columns}).encode()),
        "csv": lambda: CsvInput(OPEN, max_rows=5).decode("\n".join(lines).encode()),
    }

    batch = decode[form]()

    assert _shown(batch) == [["1.5", "1.0"], ["nan", "0.0"], ["2.0", "-2.0"], ["3.0", "-1.0"], ["4.0", "-2.0"]]


def test_unseen_category_has_a_greatest_length() -> None:
    """A category that was never seen is taken up to a limit."""
    longest, longer = (
        json.dumps({"instances": [{"size": 1, "colour": "x" * length}]}).encode() for length in (256, 257)
    )
    decoder = JsonInput(OPEN, max_rows=1)

    assert _shown(decoder.decode(longest)) == [["1.0", "-1.0"]]
    with pytest.raises(Problem) as refused:
        decoder.decode(longer)
    assert _places(refused.value) == {(0, "colour")}
