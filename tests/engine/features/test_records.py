"""Rows as records: what the store gets is what training reads."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sagemaker_gitops.build.feature_records import format_time, parse_time, records
from sagemaker_gitops.errors import ConfigurationError, DataInvalid
from sagemaker_gitops.project.features import define

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FEATURES = [{"name": "income", "type": "number"}, {"name": "city", "type": "category"}]
PLAIN = define({"id": "person", "features": FEATURES})
TIMED = define({"id": "person", "event_time": "seen", "features": FEATURES})


def test_record_has_id_time_and_what_is_there() -> None:
    """A number in its shortest exact form; a missing value, the target and other columns are left out."""
    row = {"person": "7", "income": "0.10000000000000000555", "deny": "no"}

    (record,) = records([row], PLAIN, moment=MOMENT)

    assert record == {"person": "7", "event_time": "2026-01-31T12:00:00Z", "income": "0.1"}


def test_time_of_a_row_is_its_own() -> None:
    """In whatever offset the file writes it, to the millisecond."""
    row = {"person": "7", "seen": "2026-01-31T13:00:00.250+01:00"}

    (record,) = records([row], TIMED, moment=MOMENT)

    assert record["seen"] == "2026-01-31T12:00:00.250Z"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"income": "1"}], "person is missing"),
        ([{"person": "7"}], "seen is missing"),
        ([{"person": "7", "seen": "2026-01-31", "income": "much"}], "income is not a finite number, but 'much'"),
        ([{"person": "7", "seen": "2026-01-31", "income": "inf"}], "income is not a finite number"),
        ([{"person": "7", "seen": "soon"}], "'soon' is no ISO-8601 time"),
        ([{"person": "7", "seen": "2026-01-31"}, {"person": "7", "seen": "2026-01-31T00:00Z"}], "two rows of the same"),
    ],
)
def test_row_that_is_no_record_is_refused_with_its_place(rows: list[dict[str, str]], message: str) -> None:
    """Before anything of the data set is written."""
    with pytest.raises(DataInvalid, match=message) as caught:
        records(rows, TIMED, moment=MOMENT)

    assert caught.value.where == f"data row {len(rows)}"


@pytest.mark.parametrize("name", ["is_deleted", "monthly income", "", "x" * 65, "_income"])
def test_name_that_feature_store_refuses_is_refused_here(name: str) -> None:
    """Reserved, blank or not of its pattern."""
    with pytest.raises(ConfigurationError, match="Feature Store cannot keep these names"):
        define({"id": "person", "features": [{"name": name, "type": "number"}]})


def test_times_survive_the_store() -> None:
    """What is written is read as the same moment."""
    assert parse_time(format_time(MOMENT)) == MOMENT


def test_types_are_those_of_feature_store() -> None:
    """Numbers are Fractional; categories, the id and the time are String."""
    kinds: dict[str, Any] = {item["FeatureName"]: item["FeatureType"] for item in TIMED.members()}

    assert kinds == {"person": "String", "seen": "String", "income": "Fractional", "city": "String"}
