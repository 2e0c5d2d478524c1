"""Whatever bytes a capture file holds, reading them ends in a tally and judging that in an outcome."""

import base64
import json
from datetime import timedelta

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sagemaker_gitops.monitor.answers import read_truth
from sagemaker_gitops.monitor.events import ARROW
from sagemaker_gitops.monitor.verdict import evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from tests.engine.drift.worlds import END, World, answer, as_arrow, event, read

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
CELL = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from(["pirat", "hirat", "chist", "phist", "unemp", "afam", "rownames", "colour", ""])
ROWS = st.lists(st.dictionaries(NAMES, CELL, max_size=6), max_size=4)
BODY = st.one_of(
    st.text(max_size=60),
    ANY_JSON.map(json.dumps),
    ROWS.map(lambda rows: json.dumps({"instances": rows})),
    st.dictionaries(NAMES, st.lists(CELL, max_size=3) | CELL, max_size=4).map(lambda it: json.dumps({"columns": it})),
)
CONTENT_TYPE = st.sampled_from(["application/json", "text/csv", ARROW, "application/x-parquet", ""])
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(st.lists(st.tuples(BODY, BODY, CONTENT_TYPE, st.booleans()), max_size=4), st.binary(max_size=200))
def test_any_capture_is_an_outcome(world: World, calls: list[tuple[str, str, str, bool]], noise: bytes) -> None:
    """Odd bodies, odd types, Base64 that is none and plain noise never raise."""
    lines = [noise]
    for asked, answered, kind, encoded in calls:
        data = base64.b64encode(asked.encode(errors="replace")).decode() if encoded else asked
        request = {"data": data, "encoding": "BASE64" if encoded else "CSV", "observedContentType": kind}
        response = answer([]) | {"data": answered, "observedContentType": kind}
        lines.append(json.dumps(event(request, response, name="x", time=END - timedelta(hours=1))).encode())

    verdict = evaluate(world.baseline, read(world, [lines]), MonitorConfig(minimum_rows=50))

    assert verdict.reason


@SLOW
@given(st.data(), ROWS.filter(any))
def test_any_arrow_stream_is_rows_or_undecodable(
    world: World, data: st.DataObject, rows: list[dict[str, object]]
) -> None:
    """A stream of other columns, or one with bytes that were changed, counts as far as it can be read."""
    try:
        request = as_arrow(rows)
    except (pa.ArrowException, OverflowError):  # no column holds these cells together
        request = as_arrow([{"pirat": 1.0}])
    body = bytearray(base64.b64decode(request["data"]))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[place] = data.draw(st.integers(0, 255))
    request |= {"data": base64.b64encode(body).decode()}
    line = json.dumps(event(request, answer([0.5]), name="x", time=END - timedelta(hours=1))).encode()

    reading = read(world, [[line]]).reading

    assert reading.events == 1
    assert (reading.rows > 0) is not (reading.undecodable == 1)


@SLOW
@given(st.lists(st.binary(max_size=80) | ANY_JSON.map(lambda it: json.dumps(it).encode()), max_size=5), ANY_JSON)
def test_any_ground_truth_is_read(world: World, lines: list[bytes], label: object) -> None:
    """Ground truth that is none is counted as corrupt."""
    record = {"groundTruthData": {"data": json.dumps(label), "encoding": "JSON"}, "eventMetadata": {"eventId": "x"}}

    truth = read_truth([*lines, json.dumps(record).encode()], world.baseline.contract)

    assert len(truth.known) <= 1
