"""Arrow streams: read like JSON in every layout that writers use, and hostile ones are refused within bounds."""

import io
import json
import math
import random
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import ARROW, Instance
from sagemaker_gitops_modelkit.gates.server import Caller
from sagemaker_gitops_modelkit.serving.arrow_input import ArrowInput
from sagemaker_gitops_modelkit.serving.arrow_metadata import MAX_COLUMNS, Malformed
from sagemaker_gitops_modelkit.serving.arrow_stream import MAX_BATCHES, Stream
from sagemaker_gitops_modelkit.serving.batch import Batch
from sagemaker_gitops_modelkit.serving.json_input import JsonInput
from sagemaker_gitops_modelkit.serving.problem import Problem
from sagemaker_gitops_modelkit.serving.schema import Feature, Schema
from tests.modelkit.serving.test_decoding import GOOD_ROW, SCHEMA

MIB = 1 << 20
MAX_ROWS = 5000
READER = ArrowInput(SCHEMA, max_rows=MAX_ROWS)
# The smallest model, for what depends on no features.
NARROW = ArrowInput(
    Schema(target="t", positive="p", features=(Feature(name="a", type="number", maximum=0.3),)), max_rows=9
)
RARELY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LAYOUTS = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()))
NUMBERS = st.none() | st.floats(-1, 101) | st.sampled_from([float("nan"), float("inf"), -float("inf")])
WORDS = st.none() | st.sampled_from(["yes", "no", "", "x" * 300, "héé", "a rather long word"])
ROW = st.fixed_dictionaries({f.name: NUMBERS if f.is_number else WORDS for f in SCHEMA.features})


def _table(rows: Sequence[Mapping[str, Any]], text: pa.DataType = LAYOUTS[0]) -> pa.Table:
    columns = {}
    for feature in SCHEMA.features:
        cells = [row[feature.name] for row in rows]
        plain = pa.array(cells, pa.float64() if feature.is_number else pa.string())
        columns[feature.name] = plain if feature.is_number else _as(plain, text)
    return pa.table(columns)


def _as(plain: pa.Array, kind: pa.DataType) -> pa.Array:
    return plain.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else plain.cast(kind)


def _written(*tables: pa.Table, options: pa.ipc.IpcWriteOptions | None = None, batch: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, tables[0].schema, options=options) as writer:
        for table in tables:
            writer.write_table(table, max_chunksize=batch or max(1, len(table)))
    return sink.getvalue()


def _refused(body: bytes, reader: ArrowInput = READER) -> Problem:
    with pytest.raises(Problem) as refused:
        reader.decode(body)
    return refused.value


def _plain(batch: Batch) -> list[list[Any]]:
    """Turn a batch into rows that can be compared: NaN is a missing number."""
    return [[None if math.isnan(cell) else cell for cell in row] for row in batch.tolist()]


def _judged(body: bytes, reader: ArrowInput) -> Problem | Batch:
    try:
        return reader.decode(body)
    except Problem as problem:
        return problem


@RARELY
@given(st.lists(GOOD_ROW, min_size=1, max_size=5), st.sampled_from(LAYOUTS), st.integers(1, 5))
def test_arrow_reads_what_json_reads(rows: list[dict[str, Any]], layout: pa.DataType, batch: int) -> None:
    """Whatever the layout of text and however many batches, the content is the same."""
    from_json = JsonInput(SCHEMA, max_rows=MAX_ROWS).decode(json.dumps({"instances": rows}).encode())

    from_arrow = READER.decode(_written(_table(rows, layout), batch=batch))

    assert _plain(from_arrow) == _plain(from_json)


@RARELY
@given(st.lists(ROW, min_size=1, max_size=5), st.sampled_from(LAYOUTS))
def test_exactly_the_wrong_cells_are_named(rows: list[dict[str, Any]], layout: pa.DataType) -> None:
    """Wherever JSON refuses a cell Arrow does, in the same order; JSON cannot write infinity or NaN."""
    finite = [{k: 1e9 if isinstance(v, float) and not abs(v) < 1e9 else v for k, v in row.items()} for row in rows]
    expected = _json_problem(finite)

    outcome = _judged(_written(_table(rows, layout)), READER)

    if not isinstance(outcome, Problem):
        assert expected is None
    else:
        assert expected is not None
        assert outcome.kind == "invalid-input"
        assert [(e.row, e.field) for e in outcome.errors] == [(e.row, e.field) for e in expected.errors]


def _json_problem(rows: list[dict[str, Any]]) -> Problem | None:
    try:
        JsonInput(SCHEMA, max_rows=MAX_ROWS).decode(json.dumps({"instances": rows}).encode())
    except Problem as problem:
        return problem
    return None


def test_refusals_say_what_json_says(rows: list[Instance]) -> None:
    """Value, expectation, row and field."""
    spoiled = {**rows[0], "pirat": 7.5, "phist": "perhaps", "lvrat": None, "hirat": float("nan")}

    problem = _refused(_written(_table([rows[0], spoiled])))

    assert [(error.row, error.field, error.detail) for error in problem.errors] == [
        (1, "pirat", "7.5 is not a number from 0 to 5"),
        (1, "hirat", "nan is not a number from 0 to 5"),
        (1, "lvrat", "is missing; expected a number from 0 to 3"),
        (1, "phist", '"perhaps" is not one of no, yes'),
    ]


@pytest.mark.parametrize(
    ("name", "column", "detail"),
    [
        ("pirat", pa.array(["1"]), "is a column of type text; expected a number from 0 to 5"),
        ("pirat", pa.array([True]), "is a column of type bool; expected a number from 0 to 5"),
        ("pirat", pa.array([[1.0]]), "is a column of type list; expected a number from 0 to 5"),
        ("pirat", pa.array([1.0]).dictionary_encode(), "is a column of type dictionary of float; expected a number"),
        ("pirat", pa.array([1]).cast(pa.timestamp("s")), "is a column of type timestamp; expected a number"),
        ("phist", pa.array([1.0]), "is a column of type float; expected one of no, yes"),
        ("phist", pa.array([b"no"]), "is a column of type binary; expected one of no, yes"),
        ("afam", pa.array([{"a": 1}]), "is a column of type struct; expected single values"),
        ("other", pa.array([1.0]), "is not a feature of this model"),
    ],
)
def test_columns_of_the_wrong_type_are_named(name: str, column: pa.Array, detail: str, rows: list[Instance]) -> None:
    """One error a column: a type is wrong for all of its rows."""
    table = _table(rows[:1])
    spoiled = (
        table.set_column(table.schema.names.index(name), name, column)
        if name in SCHEMA.names
        else (table.append_column(name, column))
    )

    problem = _refused(_written(spoiled))

    [error] = problem.errors
    assert (problem.kind, error.row, error.field) == ("invalid-input", None, name)
    assert error.detail.startswith(detail)


def test_names_are_checked_before_content(rows: list[Instance]) -> None:
    """Missing and doubled columns are named, all at once."""
    table = _table(rows[:2])
    spoiled = table.drop_columns(["pirat"]).append_column("lvrat", table["lvrat"])

    problem = _refused(_written(spoiled))

    assert {error.field: error.detail.split(";")[0] for error in problem.errors} == {
        "lvrat": "names 2 columns",
        "pirat": "is missing",
    }


def test_optional_and_carried_columns(rows: list[Instance]) -> None:
    """What is imputed may be left out or have no type; what the model never sees may be anything single."""
    table = _table(rows[:3])
    changed = table.drop_columns(["hirat", "unemp"]).append_column("hirat", pa.nulls(3))
    for name, column in (("rownames", pa.array([1, 2, None])), ("afam", pa.array(["a", None, "b"], pa.string_view()))):
        changed = changed.append_column(name, column)

    batch = READER.decode(_written(changed))

    places = [SCHEMA.names.index(name) for name in ("hirat", "unemp")]
    assert [[row[place] for place in places] for row in _plain(batch)] == [[None] * 2] * 3


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64(), pa.float16(), pa.float32()])
def test_numbers_of_every_width(kind: pa.DataType, rows: list[Instance]) -> None:
    """Whole numbers survive every type."""
    table = _table(rows[:4])
    column = pa.array([0, 1, 2, 5], pa.float64()).cast(kind)

    batch = READER.decode(_written(table.set_column(0, "pirat", column)))

    assert batch[:, 0].tolist() == [0, 1, 2, 5]


def test_limits_are_those_of_the_precision() -> None:
    """A float32 that was 0.3 before it was rounded up is within a maximum of 0.3; the next one is not."""
    assert NARROW.decode(_written(pa.table({"a": pa.array([0.3], pa.float32())}))).shape == (1, 1)
    assert _refused(_written(pa.table({"a": pa.array([0.30000004], pa.float32())})), NARROW).errors[0].row == 0


def test_dictionaries_may_grow_and_change() -> None:
    """A stream may send a dictionary again, whole or only what is new in it."""
    feature = Feature(name="a", type="category", categories=("x", "y", "z"))
    reader = ArrowInput(Schema(target="t", positive="p", features=(feature,)), max_rows=9)
    parts = [pa.table({"a": pa.array(list(words)).dictionary_encode()}) for words in ("xy", "xyz", "zx")]

    for deltas in (True, False):
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        batch = reader.decode(_written(*parts, options=options))
        assert batch[:, 0].tolist() == ["xyz".index(letter) for letter in "xyxyzzx"]


def _small() -> bytes:
    return _written(pa.table({"a": pa.array([1.0])}))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "ends before its end-of-stream marker"),
        (b"hello, world", "this is no Arrow IPC stream"),
        (b"ARROW1\0\0" + _small(), "file format"),
        (_small()[:-8], "ends before its end-of-stream marker"),
        (_small()[:-20], "beyond the body"),
        (_small() + b"x", "1 bytes follow the end"),
        (b"\xff\xff\xff\xff\0\0\0\0", "does not begin with a schema"),
        (b"\xff\xff\xff\xff\xf8\xff\xff\x7f" + bytes(64), "beyond the body"),
        (b"\xff\xff\xff\xff\x40\0\0\0" + b"\xff" * 64, "metadata cannot be read"),
    ],
)
def test_what_is_no_stream_is_malformed(body: bytes, detail: str) -> None:
    """The refusal says which way."""
    problem = _refused(body, NARROW)

    assert problem.kind == "malformed-body"
    assert detail in problem.detail


def test_compressed_buffers_are_refused(rows: list[Instance]) -> None:
    """Nothing unfolds: there is no decompression to be bombed with."""
    for codec in ("lz4", "zstd"):
        problem = _refused(_written(_table(rows), options=pa.ipc.IpcWriteOptions(compression=codec)))
        assert "must not be compressed" in problem.detail


def test_rows_beyond_the_limit_are_refused(rows: list[Instance]) -> None:
    """In one batch or in many; as many as the limit are taken."""
    most = _table(rows).take(pa.array([0] * MAX_ROWS))

    assert len(READER.decode(_written(most))) == MAX_ROWS
    assert _refused(_written(pa.concat_tables([most, most.slice(0, 1)]))).kind == "too-large"
    assert _refused(_written(most, most.slice(0, 1))).kind == "too-large"
    assert _refused(_written(most.slice(0, 0))).detail == "expected at least one row"


def _edits(body: bytes, count: int, *, seed: int) -> Iterator[bytes]:
    """Return bodies one to eight edits away from a good one, mostly of the same length, so that much stays readable."""
    chance = random.Random(seed)
    words = [b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\xff\xff\xff\x7f\0\0\0\0", bytes(8), struct.pack("<q", 1 << 40)]
    for _ in range(count):
        edited = bytearray(body)
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            place = chance.randrange(len(edited) - 8)
            what = chance.random()
            if what < 0.7:
                edited[place] = chance.randrange(256)
            elif what < 0.95:
                edited[place & ~7 : (place & ~7) + 8] = chance.choice(words)
            else:
                del edited[place : place + chance.choice((1, 8, 40))]
        yield bytes(edited)


@pytest.mark.parametrize("count", [400, pytest.param(5_000, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_mutated_streams_are_accepted_or_refused(layout: pa.DataType, count: int, rows: list[Instance]) -> None:
    """Nothing but a problem escapes, and each costs no more than a few bodies' worth of time."""
    good = _written(_table(rows[:20], layout), batch=10)
    begun = time.process_time()

    outcomes = [_judged(edited, READER) for edited in _edits(good, count, seed=20261126)]

    accepted = sum(not isinstance(outcome, Problem) for outcome in outcomes)
    assert all(400 <= outcome.status < 500 for outcome in outcomes if isinstance(outcome, Problem))
    # Neither did every edit break the framing, nor was none noticed.
    assert 0.02 * count < accepted < 0.95 * count
    assert (time.process_time() - begun) / count < 0.03


@RARELY
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    """Bytes that are no stream are malformed, with or without the beginning of one."""
    assert _refused(body).kind == "malformed-body"
    assert _refused(b"\xff\xff\xff\xff" + body).kind == "malformed-body"


def _bombs() -> dict[str, Callable[[], bytes]]:
    return {
        "views of one text": lambda: _many_views(rows=50_000),
        "columns": lambda: _written(pa.table({f"c{i}": pa.array([1.0]) for i in range(MAX_COLUMNS + 1)})),
        "long names": lambda: _written(pa.table({f"{i}" + "n" * 100_000: pa.array([1.0]) for i in range(50)})),
        "batches": lambda: _written(*[_tables_of_words(1)] * (MAX_BATCHES + 1)),
        "dictionary": lambda: _written(_tables_of_words(50_000)),
        "distinct texts": lambda: _written(_tables_of_words(50_000, plain=True)),
        "bad rows": lambda: _written(_tables_of_words(50_000, plain=True, name="phist")),
        "nulls": lambda: _nothing(rows=(1 << 31) - 1),
    }


def _many_views(rows: int) -> bytes:
    """Write views that each point to a megabyte of the same text, at a place of its own."""
    text = pa.py_buffer(b"x" * (MIB + rows))
    views = b"".join(struct.pack("<i4sii", MIB, b"xxxx", 0, place) for place in range(rows))
    column = pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(views), text])
    return _written(_with(column, "chist"))


def _nothing(rows: int) -> bytes:
    """Announce rows without a byte of content."""
    column = pa.Array.from_buffers(pa.null(), rows, [None])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.schema([(name, pa.null()) for name in SCHEMA.names])) as writer:
        writer.write_batch(pa.record_batch([column] * len(SCHEMA.names), names=list(SCHEMA.names)))
    return sink.getvalue()


def _tables_of_words(count: int, *, plain: bool = False, name: str = "chist") -> pa.Table:
    words = pa.array([f"{number:012}" for number in range(count)])
    column = words if plain else pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), words)
    return _with(column, name)


def _with(column: pa.Array, name: str) -> pa.Table:
    rows = len(column)
    numbers = {f.name: pa.array([1.0] * rows) for f in SCHEMA.features if f.is_number}
    texts = {f.name: pa.array([f.categories[0]] * rows) for f in SCHEMA.features if not f.is_number}
    return pa.table({**numbers, **texts, name: column})


@pytest.mark.parametrize("bomb", _bombs(), ids=str)
def test_bombs_cost_little(bomb: str) -> None:
    """What would unfold is refused, or answered, at a cost of a few times the body's size."""
    body = _bombs()[bomb]()
    reader = ArrowInput(SCHEMA, max_rows=50_000)

    begun = time.process_time()
    outcome = _judged(body, reader)
    took = time.process_time() - begun
    tracemalloc.start()
    _judged(body, reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert not isinstance(outcome, Problem) or outcome.status in {400, 413, 422}
    assert took < 10
    assert peak < 100 * MIB


def test_fields_are_known_before_content() -> None:
    """A reader for captures may look at the names first."""
    stream = Stream(_small())

    assert [field.name for field in stream.fields] == ["a"]
    with pytest.raises(Malformed):
        Stream(_small()[:-8]).columns(["a"], max_rows=9)


def test_arrow_is_answered_like_json(caller: Caller, rows: list[Instance]) -> None:
    """Through the server: the same predictions, as JSON or CSV, and the same form of refusal."""
    body = _written(_table(rows, LAYOUTS[3]))
    from_json = caller.invoke(payloads.json_rows(rows)).json["predictions"]

    reply, as_csv = caller.invoke(body, ARROW), caller.invoke(body, ARROW, Accept="text/csv")
    refusal = caller.invoke(_written(_table([{**rows[0], "pirat": -1.0}])), ARROW)

    assert reply.json["predictions"] == from_json
    assert as_csv.body.decode().splitlines() == [f"{p['label']},{p['probability']}" for p in from_json]
    assert refusal.status == 422
    assert refusal.json["errors"] == [{"row": 0, "field": "pirat", "detail": "-1.0 is not a number from 0 to 5"}]


def test_thousands_of_rows_in_one_stream(caller: Caller, rows: list[Instance]) -> None:
    """A large batch goes to its thread and comes back whole."""
    many = [rows[place % len(rows)] for place in range(10_000)]
    expected = caller.invoke(payloads.json_columns(many)).json["predictions"]

    reply = caller.invoke(_written(_table(many)), ARROW)

    assert reply.json["predictions"] == expected
