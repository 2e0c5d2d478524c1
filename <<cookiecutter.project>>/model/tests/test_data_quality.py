"""Gate: the data set is what schema.json promises, and does not give the answer away."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import data_quality
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, require
from sagemaker_gitops_modelkit.training.feature_schema import Schema


@pytest.mark.parametrize("name", ["type_violations", "range_violations", "category_violations"])
def test_values_keep_to_the_schema(name: str, text: pd.DataFrame, schema: Schema, record_property: Recorder) -> None:
    """No value has another type, lies outside its range or is an unlisted category."""
    require(judge("data_quality", name, data_quality.violations(text, schema)), record_property)


@pytest.mark.parametrize("name", ["rows", "worst_missing_share"])
def test_data_is_complete(name: str, text: pd.DataFrame, schema: Schema, record_property: Recorder) -> None:
    """There are enough rows, and no column misses too many values."""
    require(judge("data_quality", name, data_quality.completeness(text, schema)), record_property)


@pytest.mark.parametrize("name", ["duplicate_ids", "duplicate_row_share"])
def test_rows_are_distinct(name: str, text: pd.DataFrame, schema: Schema, record_property: Recorder) -> None:
    """No id comes twice, and hardly a row repeats another."""
    require(judge("data_quality", name, data_quality.duplicates(text, schema)), record_property)


@pytest.mark.parametrize("name", ["leaking_columns", "best_single_feature_auc"])
def test_features_do_not_leak_the_answer(
    name: str, text: pd.DataFrame, schema: Schema, candidate: Candidate, record_property: Recorder
) -> None:
    """Neither id, target nor protected attribute is an input, and no input is the target in disguise."""
    leakage = data_quality.leakage(text, schema, inputs=candidate.inputs)

    require(judge("data_quality", name, leakage), record_property)
