"""What a table's columns are taken for, and what is refused because nothing can be learnt from it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError, DataInvalid, PipelineError
from sagemaker_gitops.project.model_schema import Category, Number
from sagemaker_gitops.project.schema_proposal import Asked, Proposal, propose
from sagemaker_gitops.project.table import Table

ROWS = 120


def table(**columns: Sequence[object]) -> Table:
    """Make a table of columns, each repeated to the same length."""
    cells = {name: tuple(str(values[place % len(values)]) for place in range(ROWS)) for name, values in columns.items()}
    return Table(source=Path("given.csv"), columns=cells)


LABELS = ["no", "no", "yes"]
SIZES = [place * 1.5 for place in range(ROWS)]


def taken(proposal: Proposal) -> dict[str, str]:
    """Say for each column what it was taken for."""
    return {guess.column: guess.taken_as for guess in proposal.guesses}


@pytest.mark.parametrize(
    ("values", "task", "labels"),
    [
        (LABELS, "binary", ("no", "yes")),
        (["0", "1"], "binary", ("0", "1")),
        (["keeps", "keeps", "leaves"], "binary", ("keeps", "leaves")),
        (["1.5", "2.5"], "binary", ("1.5", "2.5")),
        (["a", "b", "c"], "multiclass", ("a", "b", "c")),
        (["1", "2", "3"], "multiclass", ("1", "2", "3")),
        (list(range(60)), "regression", ()),
        (["0.5", "1.25", "7"], "regression", ()),
    ],
)
def test_task_is_guessed_from_the_target(values: Sequence[object], task: str, labels: tuple[str, ...]) -> None:
    """Two values are a decision, a few are classes, many numbers or fractions are a number."""
    proposal = propose(table(size=SIZES, target=values), Asked(target="target"))

    assert proposal.schema.task == task
    assert proposal.schema.labels == labels


def test_numbers_get_a_wider_range_and_are_imputed_where_they_miss() -> None:
    """What is never negative stays so."""
    proposal = propose(table(size=[0, 10, 93], gap=[-4.25, "", 3.25], target=LABELS), Asked(target="target"))

    size, gap = proposal.schema.features
    assert isinstance(size, Number)
    assert isinstance(gap, Number)
    assert (size.minimum, size.maximum, size.missing) == (0, 103, "refuse")
    assert (gap.minimum, gap.maximum, gap.missing) == (-5.0, 4.0, "impute")


def test_texts_become_categories() -> None:
    """Others are refused only where each is common; a missing one is allowed where the data has some."""
    rare = ["a"] * (ROWS - 2) + ["b", "b"]
    given = table(common=["x", "y"], rare=rare, missing=["x", "", "y"], target=LABELS)

    features = propose(given, Asked(target="target")).schema.features

    rules = {feature.name: (feature.unknown, feature.missing) for feature in features if isinstance(feature, Category)}
    assert rules == {
        "common": ("refuse", "refuse"),
        "rare": ("ignore", "refuse"),
        "missing": ("refuse", "impute"),
    }


def test_what_is_no_feature_is_left_out_and_says_why() -> None:
    """A constant, a counter, names and dates teach nothing that holds tomorrow."""
    given = table(
        customer_id=[f"c{place:04}" for place in range(ROWS)],
        name=[f"person {place}" for place in range(ROWS)],
        row=range(ROWS),
        same=["EUR"],
        seen=["2024-01-02T10:00:00Z", "2024-02-03T11:00:00Z"],
        born=["1.2.1990", "3.4.1991"],
        size=SIZES,
        target=LABELS,
    )

    proposal = propose(given, Asked(target="target"))

    assert [feature.name for feature in proposal.schema.features] == ["size"]
    assert proposal.schema.id == "customer_id"
    assert proposal.schema.event_time == "seen"
    left = {guess.column: guess.why for guess in proposal.guesses if guess.taken_as == "left out"}
    assert set(left) == {"name", "row", "same", "born"}
    assert "'EUR'" in left["same"]
    assert "ISO 8601" in left["born"]


def test_rows_without_a_key_are_numbered() -> None:
    """The split needs one; the copy in data/ gets it, and the guess says so."""
    proposal = propose(table(kind=["a", "b"], size=[1, 2, 3], target=LABELS), Asked(target="target"))

    assert proposal.schema.id == "row_id"
    assert proposal.table.columns["row_id"][:2] == ("1", "2")
    assert proposal.table.text().startswith("row_id,kind,size,target\n1,a,1,no\n")


def test_what_is_told_is_not_guessed() -> None:
    """Id, positive value and protected attribute come from the person who asks."""
    given = table(key=SIZES, group=["a", "b"], size=[1, 2, 3], target=LABELS)
    asked = Asked(target="target", positive="no", id="key", protected="group", favourable="no")

    schema = propose(given, asked).schema

    assert (schema.id, schema.positive, schema.protected, schema.favourable) == ("key", "no", "group", "no")
    assert [feature.name for feature in schema.features] == ["size"]


REFUSED: dict[str, tuple[Table, Asked, type[PipelineError], str]] = {
    "no such target": (
        table(size=SIZES, y=LABELS),
        Asked(target="deny"),
        ConfigurationError,
        "there is no column 'deny'",
    ),
    "one class": (table(size=SIZES, y=["yes"]), Asked(target="y"), DataInvalid, "y has 'yes' (120 rows) alone"),
    "names as target": (
        table(size=SIZES, y=[f"person {place}" for place in range(ROWS)]),
        Asked(target="y"),
        DataInvalid,
        "y has 120 different values",
    ),
    "rare class": (
        table(size=SIZES, y=["a"] * 60 + ["b"] * 57 + ["c"] * 3),
        Asked(target="y"),
        DataInvalid,
        "y is 'c' (3 rows); at least 10 rows",
    ),
    "missing target": (table(size=SIZES, y=["yes", "", "no"]), Asked(target="y"), DataInvalid, "40 rows have no y"),
    "texts for a regression": (
        table(size=SIZES, y=LABELS),
        Asked(target="y", task="regression"),
        DataInvalid,
        "y is 'no' in 80 rows, which is no number",
    ),
    "three values for a decision": (
        table(size=SIZES, y=["a", "b", "c"]),
        Asked(target="y", task="binary"),
        DataInvalid,
        "y has 3 values",
    ),
    "id that repeats": (table(k=["a", "b"], y=LABELS), Asked(target="y", id="k"), DataInvalid, "k is missing in some"),
    "positive that never is": (
        table(size=SIZES, y=LABELS),
        Asked(target="y", positive="ja"),
        ConfigurationError,
        "y is never 'ja'",
    ),
    "nothing to learn from": (
        table(key=[f"c{place}" for place in range(ROWS)], same=["EUR"], y=LABELS),
        Asked(target="y"),
        DataInvalid,
        "no column is left as a feature",
    ),
    "groups without an aim": (
        table(group=["a", "b"], size=SIZES, y=LABELS),
        Asked(target="y", protected="group"),
        ConfigurationError,
        "favourable",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_table_without_a_model_in_it_is_refused(name: str) -> None:
    """One sentence says what is wrong, and the next what to do."""
    given, asked, kind, what = REFUSED[name]

    with pytest.raises(kind) as refused:
        propose(given, asked)

    assert what in refused.value.what
    assert refused.value.next_step
