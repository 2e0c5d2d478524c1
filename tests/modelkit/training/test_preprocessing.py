"""CSV files become features, target and a fixed split, or a refusal that says where."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates.training import DATA
from sagemaker_gitops_modelkit.training.data import Split, features, load_split, onnx_inputs, parse, read_text, split
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Schema


def test_split_is_fixed_and_leaves_no_row_out(split: Split, text: pd.DataFrame, schema: Schema) -> None:
    """Every row is on exactly one side, and nearly a third are held out."""
    train, test = set(split.train[schema.id]), set(split.test[schema.id])

    assert train | test == set(text[schema.id])
    assert not train & test
    assert 0.27 < len(test) / len(text) < 0.33


def test_row_keeps_its_side_when_others_come_and_go(text: pd.DataFrame, schema: Schema) -> None:
    """The side depends on the id alone, so a new data version compares with the old one."""
    whole = split(parse(text, schema), schema)

    part = split(parse(text.iloc[::-3], schema), schema)

    assert set(part.test[schema.id]) <= set(whole.test[schema.id])
    assert set(part.train[schema.id]) <= set(whole.train[schema.id])


def test_files_of_a_channel_are_read_together(text: pd.DataFrame, schema: Schema, tmp_path: Path) -> None:
    """A data version may come in several files."""
    text.head(1000).to_csv(tmp_path / "a.csv", index=False)
    text.tail(1380).to_csv(tmp_path / "b.csv", index=False)

    together = load_split(tmp_path, schema)

    assert len(together.train) + len(together.test) == 2380


def test_graph_inputs_follow_the_schema(split: Split, schema: Schema) -> None:
    """Each feature is one column in the schema's order: a number itself, a category its place in its list."""
    table = features(split.test.head(3), schema).assign(chist=["2", "", "never seen"])

    (columns,) = onnx_inputs(table, schema).values()

    assert columns.dtype == np.float32
    assert columns.shape == (3, len(schema.features))
    assert columns[:, schema.feature_names.index("pirat")].tolist() == table["pirat"].astype(np.float32).tolist()
    assert columns[:, schema.feature_names.index("chist")].tolist() == [1, -2, -1]


@pytest.mark.parametrize(
    ("change", "what", "where"),
    [
        ({"pirat": "high"}, "column pirat is not a finite number, as in 'high' in 1 of 2380", "data row 1"),
        ({"hirat": "inf"}, "column hirat is not a finite number, as in 'inf' in 1 of 2380", "data row 1"),
        ({"pirat": None}, "column pirat is missing in 1 of 2380", "data row 1"),
        ({"rownames": None}, "column rownames is missing", "data row 1"),
        ({"afam": None}, "column afam is missing", "data row 1"),
        ({"deny": "perhaps"}, "column deny is none of 'no', 'yes' in 1 of 2380", "data row 1"),
    ],
)
def test_unusable_value_is_refused(
    change: dict[str, str], what: str, where: str, text: pd.DataFrame, schema: Schema
) -> None:
    """The message counts the rows and points to the first."""
    spoilt = text.copy()
    for column, value in change.items():
        spoilt.loc[0, column] = value

    with pytest.raises(InputRefused) as refused:
        parse(spoilt, schema)

    assert refused.value.what.startswith(what)
    assert where in str(refused.value.where)


def test_imputable_number_may_be_missing(text: pd.DataFrame, schema: Schema) -> None:
    """A number whose schema says impute may be absent from a row."""
    spoilt = text.copy()
    spoilt.loc[0, "hirat"] = None

    parsed = parse(spoilt, schema)

    assert parsed["hirat"].isna().sum() == 1


def test_missing_column_is_refused(text: pd.DataFrame, schema: Schema) -> None:
    """The message names the absent column and shows the header."""
    with pytest.raises(InputRefused) as refused:
        parse(text.drop(columns=["hirat", "afam"]), schema)

    assert refused.value.what == "missing column: afam, hirat"
    assert "pirat" in str(refused.value.where)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"rownames,deny\n1,caf\xe9\n", "byte 0xe9 in line 2 is not UTF-8"),
        (b"", "the file is not a CSV table"),
        (b"a,b\n1,2\n1,2,3\n", "the file is not a CSV table"),
        (b"rownames,deny\n", "the file has no rows"),
    ],
)
def test_unreadable_file_is_refused(content: bytes, what: str, tmp_path: Path) -> None:
    """A file that is no table of text is refused with its path."""
    (tmp_path / "hmda.csv").write_bytes(content)

    with pytest.raises(InputRefused) as refused:
        read_text(tmp_path)

    assert refused.value.what.startswith(what)
    assert refused.value.where == str(tmp_path / "hmda.csv")


def test_empty_channel_is_refused(tmp_path: Path) -> None:
    """No file at all is an error that says how data gets there."""
    with pytest.raises(InputRefused, match="no CSV file was given"):
        read_text(tmp_path)


def test_too_few_rows_are_refused(schema: Schema) -> None:
    """Without both outcomes on both sides there is nothing to learn or to judge."""
    few = parse(read_text(DATA).head(20), schema)

    with pytest.raises(InputRefused, match="split has"):
        split(few, schema)
