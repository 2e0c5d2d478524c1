"""schema.json: what it may say, and which change of it breaks callers."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from sagemaker_gitops.project import model_schema as features
from sagemaker_gitops.project.model_schema import Baseline, Hyperparameters, ModelSchema

NUMBER = {"name": "pirat", "type": "number", "minimum": 0, "maximum": 5, "missing": "impute"}
CATEGORY = {"name": "single", "type": "category", "categories": ["no", "yes"], "unknown": "refuse"}


def schema(*listed: dict[str, Any], **changed: str) -> ModelSchema:
    """Make a schema of the given features."""
    columns = {"target": "deny", "positive": "yes", "negative": "no", "favourable": "no", "id": "row"}
    return ModelSchema.model_validate({**columns, "protected": "afam", "features": listed, **changed})


@pytest.mark.parametrize(
    ("after", "blamed", "message"),
    [
        ((NUMBER,), "single", "removed"),
        ((NUMBER, CATEGORY, CATEGORY | {"name": "new"}), "new", "required feature was added"),
        ((NUMBER, CATEGORY, NUMBER | {"name": "new", "missing": "refuse"}), "new", "required feature was added"),
        ((CATEGORY, NUMBER), "single", "order of features changed"),
        ((NUMBER | {"name": "new"}, NUMBER, CATEGORY), "new", "order of features changed"),
        ((NUMBER | {"maximum": 4}, CATEGORY), "pirat", "range shrank from 0..5 to 0..4"),
        ((NUMBER | {"missing": "refuse"}, CATEGORY), "pirat", "missing value is now refused"),
        ((NUMBER, CATEGORY | {"categories": ["no"]}), "single", "refused from now on: yes"),
        ((NUMBER, NUMBER | {"name": "single"}), "single", "type changed from category to number"),
    ],
)
def test_breaking_change_of_a_feature_is_found(after: tuple[dict[str, Any], ...], blamed: str, message: str) -> None:
    """The feature at fault is named, with what happens to who sends it."""
    found = list(features.breaking(schema(NUMBER, CATEGORY), schema(*after)))

    assert [name for name, _ in found] == [blamed]
    assert message in found[0][1]


def test_label_of_answers_is_part_of_the_contract() -> None:
    """A caller compares the label with a word."""
    found = list(features.breaking(schema(NUMBER), schema(NUMBER, positive="denied")))

    assert found == [("positive", "the label in answers changed from yes to denied")]


@pytest.mark.parametrize(
    "after",
    [
        (NUMBER, CATEGORY, NUMBER | {"name": "new"}),
        (NUMBER | {"maximum": 9}, CATEGORY),
        (NUMBER, CATEGORY | {"categories": ["no", "yes", "?"]}),
        (NUMBER, CATEGORY | {"unknown": "ignore", "categories": ["no"]}),
    ],
)
def test_harmless_change_of_a_feature_is_let_through(after: tuple[dict[str, Any], ...]) -> None:
    """Wider ranges, more categories and optional features at the end break nobody."""
    assert list(features.breaking(schema(NUMBER, CATEGORY), schema(*after))) == []


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ((NUMBER | {"maximum": 0},), "not below maximum"),
        ((CATEGORY | {"categories": ["no", "no"]},), "listed twice"),
        ((NUMBER, NUMBER), "listed twice: pirat"),
        ((NUMBER | {"name": "afam"},), "no features: afam"),
        ((NUMBER | {"missing": "guess"},), "impute"),
        ((), "at least 1 item"),
    ],
)
def test_senseless_schema_is_refused(listed: tuple[dict[str, Any], ...], message: str) -> None:
    """A schema that no data can keep, or that leaks the answer, is told in words."""
    with pytest.raises(ValidationError, match=message):
        schema(*listed)


def test_mark_has_exactly_one_limit() -> None:
    """A threshold without a limit would pass every model."""
    with pytest.raises(ValidationError, match="exactly one"):
        Baseline.model_validate({"quality": {"roc_auc": {"reason": "none"}}})


def test_hyperparameters_are_strings() -> None:
    """SageMaker passes them as strings, so 150 in place of "150" is refused here and not in an hour."""
    with pytest.raises(ValidationError, match="string"):
        Hyperparameters.model_validate(json.loads('{"n_estimators": 150}'))
