"""The function that works without GitHub reads and writes the ledger exactly as the pipeline does."""

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.history import fold
from pipeline.release.ledger import GENESIS, Entry, parse
from pipeline.tests.release.rig import release

CODE = Path(__file__).parents[3] / "infra/lib/respond.py"
MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINES = st.tuples(
    st.sampled_from(["deploy", "rollback", "repair", "clean", "step", "abort", "refuse", "drill", "monitor"]),
    st.sampled_from(["started", "promoted", "rolled_back", "failed", "refused", "succeeded", "decided"]),
    st.integers(1, 4),
)


@pytest.fixture(scope="module")
def respond() -> Any:
    """Load the function's code from where bootstrap takes it."""
    spec = importlib.util.spec_from_file_location("respond", CODE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(action: str, outcome: str, version: int, *, sequence: int = 1, previous: str = GENESIS) -> Entry:
    return Entry.model_validate(
        {
            "environment": "prod",
            "sequence": sequence,
            "action": action,
            "outcome": outcome,
            "release": release(version).model_dump(),
            "from": {"v1": 100},
            "to": {"v1": 0.0, "v2": 100.0},
            "actor": "response to an operator",
            "reason": 'a "quoted" reason: größer',
            "strategy": "all_at_once",
            "started": MOMENT,
            "finished": MOMENT,
            "previous": previous,
        }
    ).sealed()


@given(lines=st.lists(LINES, max_size=30))
def test_function_and_pipeline_agree_on_every_ledger(respond: Any, lines: list[tuple[str, str, int]]) -> None:
    """Whatever was written: what serves, what came before, and whether something is unfinished."""
    entries = [_entry(*line, sequence=number) for number, line in enumerate(lines, start=1)]

    theirs, ours = fold(entries), respond.fold([json.loads(entry.text()) for entry in entries])

    assert ours.serving == (theirs.serving.model_dump(mode="json") if theirs.serving else None)
    assert ours.previous == (theirs.previous.model_dump(mode="json") if theirs.previous else None)
    assert bool(ours.opened) == bool(theirs.rollout)


def test_entry_of_the_function_is_one_of_the_ledger(respond: Any) -> None:
    """Canonical text and hash are the pipeline's, so that nobody takes the entry for an alteration."""
    entry = _entry("rollback", "promoted", 1)
    written = {key: value for key, value in json.loads(entry.text()).items() if key != "hash"}

    text = respond.sealed(written)

    assert text == entry.text()
    assert parse(text).digest() == parse(text).hash


def test_variant_is_named_as_the_pipeline_names_it(respond: Any) -> None:
    """The release on standby is found by its variant's name."""
    assert respond.variant(release(3).model_dump()) == release(3).variant
