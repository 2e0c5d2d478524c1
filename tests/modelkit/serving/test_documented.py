"""docs/serving.md says what the code does."""

import re
from typing import Any

import msgspec
from sagemaker_gitops_modelkit.serving.metrics import Metrics
from sagemaker_gitops_modelkit.serving.schema import Feature, Schema
from sagemaker_gitops_modelkit.serving.settings import Settings
from tests.sample import ROOT

PAGE = ROOT / "docs" / "serving.md"
TABLE_ROW = re.compile(r"^\| `(?P<name>[A-Za-z_]+)` \| (?P<rest>.*) \|$", re.MULTILINE)


def _rows() -> dict[str, str]:
    return {row["name"]: row["rest"] for row in TABLE_ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def test_every_setting_is_documented_with_its_default() -> None:
    """The table of variables is complete, and its defaults are the code's."""
    fields = msgspec.structs.fields(Settings)
    documented = {name: rest for name, rest in _rows().items() if name.isupper()}

    assert set(documented) == {field.encode_name for field in fields}
    for field in fields:
        assert documented[field.encode_name].partition(" | ")[0] in _ways_to_write(field.default)


def _ways_to_write(default: object) -> set[str]:
    if default is None:
        return {"none", "one a core"}
    return {f"`{default:g}`" if isinstance(default, float) else f"`{default}`"}


def test_every_metric_is_documented() -> None:
    """The table of metrics names what a line carries."""
    column = (Feature(name="x", type="number"),)
    schemas: list[tuple[Schema, list[str], list[Any]]] = [
        (Schema(target="t", features=column, positive="yes"), ["yes"], [0.7]),
        (Schema(target="t", features=column, task="multiclass", classes=("a", "b", "c")), ["b"], [[0.2, 0.7, 0.1]]),
        (Schema(target="t", features=column, task="regression"), [], [1e6]),
    ]
    carried = set()
    for schema, labels, figures in schemas:
        metrics = Metrics(namespace="n", model_version="1", schema=schema)
        metrics.add(latency_ms=1.0, status=200)
        metrics.add_answers(labels, figures)
        carried |= {name for name in metrics.take() or {} if name[0].isupper() and name != "ModelVersion"}

    section = PAGE.read_text(encoding="utf-8").partition("## Watch it")[2]
    assert carried == {row["name"] for row in TABLE_ROW.finditer(section)}
