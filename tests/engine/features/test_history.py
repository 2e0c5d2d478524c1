"""Training sets: what was true when a label came, and known when the set is made."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sagemaker_gitops.build import feature_history as history
from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.project.features import define

SCHEMA = {
    "id": "person",
    "target": "deny",
    "event_time": "seen",
    "features": [
        {"name": "income", "type": "number", "minimum": 0, "maximum": 9},
        {"name": "city", "type": "category", "categories": ["x", "y"]},
    ],
}
DEFINITION = define(SCHEMA)
Line = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)


def hours(count: float) -> datetime:
    """Name a moment by its distance."""
    return START + timedelta(hours=count)


def text(moment: datetime) -> str:
    """Write a moment as the store keeps it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def write(
    person: str, event: float, income: float | None, *, written: float | None = None, deleted: bool = False
) -> Line:
    """Make a line of the offline store; what is not said was written at once."""
    moment = hours(event if written is None else written)
    return {
        "person": person,
        "seen": text(hours(event)),
        "income": income,
        "city": None if deleted else "x",
        "write_time": moment,
        "api_invocation_time": moment,
        "is_deleted": deleted,
    }


def parquet(*lines: dict[str, Any]) -> bytes:
    """Write lines as Feature Store does."""
    stamp = pa.timestamp("ms", tz="UTC")
    kinds = {"income": pa.float64(), "write_time": stamp, "api_invocation_time": stamp, "is_deleted": pa.bool_()}
    columns = {name: pa.array([line[name] for line in lines], kinds.get(name, pa.string())) for name in lines[0]}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def made(files: list[bytes], *asked: tuple[str, float], at: float = 1000) -> history.TrainingSet:
    """Make the training set of some labels, each an id and a time."""
    rows = [{"person": person, "deny": "no", "seen": text(hours(when))} for person, when in asked]
    labels = history.labels(rows, DEFINITION, at=hours(at))
    return history.join(history.known(history.load(files, DEFINITION), DEFINITION, at=hours(at)), labels, DEFINITION)


def incomes(found: history.TrainingSet) -> list[str]:
    """Read the incomes of a training set."""
    return [line.split(",")[3] for line in found.csv.splitlines()[1:]]


def test_label_gets_the_newest_record_that_is_not_later() -> None:
    """Neither a record of a second later nor an older one than the newest; one of the same moment counts."""
    files = [parquet(write("a", 1, 1.0), write("a", 3, 3.0)), parquet(write("a", 2, 2.0), write("b", 1, 9.0))]

    found = made(files, ("a", 2.5), ("a", 3), ("a", 99), ("b", 1))

    assert incomes(found) == ["2.0", "3.0", "3.0", "9.0"]
    assert found.csv.splitlines()[0] == "person,deny,seen,income,city"


def test_label_before_every_record_and_unknown_id_are_left_out_and_named() -> None:
    """Nothing from the future, nothing from another person."""
    found = made([parquet(write("a", 2, 2.0))], ("a", 1), ("b", 5), ("a", 2))

    assert (incomes(found), found.missing) == (["2.0"], ("a", "b"))


def test_deleted_record_has_no_features_until_it_is_written_again() -> None:
    """A deletion is the newest record of its time; labels before it keep what was true."""
    lines = (write("a", 1, 1.0), write("a", 2, None, deleted=True), write("a", 4, 4.0))

    found = made([parquet(*lines)], ("a", 1.5), ("a", 3), ("a", 5))

    assert (incomes(found), found.missing) == (["1.0", "4.0"], ("a",))


def test_late_arrival_counts_from_when_it_was_written() -> None:
    """An event of hour 2 that came in hour 50: a set as of hour 10 is the one that was made then."""
    files = [parquet(write("a", 1, 1.0), write("a", 2, 2.0, written=50))]

    before, after = made(files, ("a", 3), at=10), made(files, ("a", 3), at=50)

    assert (incomes(before), incomes(after)) == (["1.0"], ["2.0"])


def test_correction_of_the_same_moment_replaces_it() -> None:
    """Of two writes of one id and time the last call counts, whatever file it is in."""
    files = [parquet(write("a", 1, 8.0, written=7)), parquet(write("a", 1, 1.0, written=1))]

    assert incomes(made(files, ("a", 1))) == ["8.0"]


def test_label_without_a_time_is_asked_about_as_of_the_set() -> None:
    """The latest that is known, for data sets that know no time."""
    labels = history.labels([{"person": "a", "deny": "no"}], DEFINITION, at=hours(2))
    kept = history.load([parquet(write("a", 1, 1.0), write("a", 2, 2.0), write("a", 3, 3.0))], DEFINITION)

    found = history.join(history.known(kept, DEFINITION, at=hours(9)), labels, DEFINITION)

    assert found.csv == "person,deny,income,city\na,no,2.0,x\n"


def test_empty_history_has_nothing() -> None:
    """Before the first ingestion every label is missing."""
    assert made([], ("a", 1)).missing == ("a",)


@pytest.mark.parametrize("row", [{"deny": "no"}, {"person": "a", "seen": "yesterday"}])
def test_label_that_cannot_be_placed_is_refused(row: dict[str, str]) -> None:
    """Without an id, or with a time that is none."""
    with pytest.raises(DataInvalid):
        history.labels([row], DEFINITION, at=START)


LINES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=25
)
ASKED = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    lines=LINES,
    asked=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1, max_size=8),
    at=st.integers(0, 9),
)
def test_join_is_what_reading_line_by_line_finds(
    lines: list[tuple[str, int, int, bool]], asked: list[tuple[str, int]], at: int
) -> None:
    """Whatever was written in whatever order, against a search that is too plain to be wrong."""
    history_lines = [
        write(person, event, None if deleted else float(number), written=late + number / 100, deleted=deleted)
        for number, (person, event, late, deleted) in enumerate(lines)
    ]

    found = made([parquet(*history_lines)], *asked, at=at)

    plain = [_plain(history_lines, person, when, at) for person, when in asked]
    assert incomes(found) == [str(value) for value in plain if value is not None]
    assert len(found.missing) == plain.count(None)


def _plain(lines: list[dict[str, Any]], person: str, when: int, at: int) -> float | None:
    fit = [
        (line["seen"], line["api_invocation_time"], number, line)
        for number, line in enumerate(lines)
        if line["person"] == person and line["seen"] <= text(hours(when)) and line["write_time"] <= hours(at)
    ]
    newest = max(fit, key=lambda item: item[:3])[3] if fit else None
    return None if newest is None or newest["is_deleted"] else float(newest["income"])


def test_another_schema_is_another_group() -> None:
    """A feature more, another type or another order: none shares a group with the former schema."""
    features = SCHEMA["features"]
    assert isinstance(features, list)
    others = [
        define({**SCHEMA, "features": features[::-1]}),
        define({**SCHEMA, "features": [{**features[0], "name": "wage"}, features[1]]}),
        define({key: value for key, value in SCHEMA.items() if key != "event_time"}),
    ]

    names = {item.group("loans-dev") for item in (DEFINITION, *others)}

    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)
