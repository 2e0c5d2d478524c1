"""The reference statistics describe the training rows in Model Monitor's form."""

import numpy as np
import pytest
from sagemaker_gitops_modelkit.training.data import Split, features
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.reference_statistics import constraints, sketch, statistics


def test_statistics_describe_the_training_rows(split: Split, schema: Schema) -> None:
    """Counts, moments and buckets are those of the columns."""
    table = features(split.train, schema)

    document = statistics(table, schema)

    by_name = {feature["name"]: feature for feature in document["features"]}
    number = by_name["pirat"]["numerical_statistics"]
    category = by_name["chist"]["string_statistics"]
    assert document["dataset"]["item_count"] == len(table)
    assert number["mean"] == pytest.approx(table["pirat"].mean())
    assert sum(bucket["count"] for bucket in number["distribution"]["kll"]["buckets"]) == len(table)
    assert category["distinct_count"] == 6
    assert sum(b["count"] for b in category["distribution"]["categorical"]["buckets"]) == len(table)


def test_missing_values_are_counted_and_not_described(split: Split, schema: Schema) -> None:
    """A missing number or category lowers completeness and is no value of its own."""
    table = features(split.train.head(10), schema)
    table["hirat"] = [np.nan, *table["hirat"].iloc[1:]]
    table["chist"] = ["", *table["chist"].iloc[1:]]

    described = {feature["name"]: feature for feature in statistics(table, schema)["features"]}
    constrained = {feature["name"]: feature for feature in constraints(table, schema)["features"]}

    assert described["hirat"]["numerical_statistics"]["common"] == {"num_present": 9, "num_missing": 1}
    assert described["chist"]["string_statistics"]["common"] == {"num_present": 9, "num_missing": 1}
    assert constrained["hirat"]["completeness"] == constrained["chist"]["completeness"] == 0.9


def test_constraints_state_type_sign_and_domain(split: Split, schema: Schema) -> None:
    """Numbers are fractional and not negative; categories are those of the schema."""
    document = constraints(features(split.train, schema), schema)

    by_name = {feature["name"]: feature for feature in document["features"]}
    assert by_name["lvrat"]["num_constraints"] == {"is_non_negative": True}
    assert by_name["phist"]["string_constraints"] == {"domains": ["no", "yes"]}
    assert list(by_name) == list(schema.feature_names)


@pytest.mark.parametrize("rows", [1, 2048, 2049, 100_003])
def test_sketch_weighs_every_value_and_keeps_quantiles(rows: int) -> None:
    """The levels' weights add up to the number of values, and quantiles stay within a thousandth."""
    levels = sketch(np.arange(rows, dtype=np.float64))

    values = np.concatenate([np.repeat(level, 2**height) for height, level in enumerate(levels)])
    assert len(values) == rows
    assert sum(map(len, levels)) <= 2048 + 64
    assert np.abs(np.sort(values) - np.arange(rows)).max() <= max(1, rows / 1000)
