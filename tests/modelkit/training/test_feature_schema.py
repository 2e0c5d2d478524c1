"""schema.json is checked when it is read."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops_modelkit.gates.training import MODEL
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import load_schema

Document = dict[str, Any]
GOOD: Document = json.loads((MODEL / "config" / "schema.json").read_text())


def test_protected_attribute_of_the_repository_is_no_feature() -> None:
    """The id, the target and the protected attribute are columns, not features."""
    schema = load_schema(MODEL / "config" / "schema.json")

    assert not {schema.id, schema.target, schema.protected} & set(schema.feature_names)
    assert {schema.id, schema.target, schema.protected} < set(schema.columns)


def _set(index: int, **fields: object) -> Callable[[Document], None]:
    return lambda document: document["features"][index].update(fields)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_set(0, name="afam"), "cannot be features: afam"),
        (_set(0, name="hirat"), "named once"),
        (_set(0, type="text"), "feature 'pirat' has type 'text'"),
        (_set(0, missing="drop"), "feature 'pirat' has missing='drop'"),
        (_set(0, maximum=-1), "feature 'pirat' has no room between minimum and maximum"),
        (_set(0, unit="1"), "unexpected keyword argument 'unit'"),
        (_set(3, unknown="drop"), "feature 'chist' has unknown='drop'"),
        (_set(3, categories=[1, 2]), "feature 'chist' must list its categories as strings"),
        (lambda document: document.pop("id"), "'id'"),
        (lambda document: document.update(favourable="perhaps"), "favourable is 'perhaps'"),
    ],
)
def test_contradiction_is_refused(spoil: Callable[[Document], None], message: str, tmp_path: Path) -> None:
    """The message names the field, the file and the remedy."""
    document = copy.deepcopy(GOOD)
    spoil(document)
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(document))

    with pytest.raises(InputRefused) as refused:
        load_schema(path)

    assert message in refused.value.what
    assert refused.value.where == str(path)


def test_absent_schema_is_refused(tmp_path: Path) -> None:
    """A missing file is an error with a next step."""
    with pytest.raises(InputRefused, match="the schema cannot be read"):
        load_schema(tmp_path / "schema.json")
