"""Whatever bytes a capture file holds, reading them ends in a tally and judging that in an outcome."""

import base64
import json
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.drift.config import MonitorConfig
from pipeline.drift.truth import read_truth
from pipeline.drift.verdict import evaluate
from pipeline.tests.drift.worlds import END, World, answer, event, read

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
CONTENT_TYPE = st.sampled_from(["application/json", "text/csv", "application/x-parquet", ""])
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
@given(st.lists(st.binary(max_size=80) | ANY_JSON.map(lambda it: json.dumps(it).encode()), max_size=5), ANY_JSON)
def test_any_ground_truth_is_read(world: World, lines: list[bytes], label: object) -> None:
    """Ground truth that is none is counted as corrupt."""
    record = {"groundTruthData": {"data": json.dumps(label), "encoding": "JSON"}, "eventMetadata": {"eventId": "x"}}

    truth = read_truth([*lines, json.dumps(record).encode()], world.baseline.contract)

    assert len(truth.known) <= 1
