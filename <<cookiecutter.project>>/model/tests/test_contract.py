"""Gate: the server answers this model as openapi.yml says, to good requests and to bad ones."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from sagemaker_gitops_modelkit.gates import payloads, server
from sagemaker_gitops_modelkit.gates.server import Server
from sagemaker_gitops_modelkit.training.feature_schema import CategoryFeature, NumberFeature, Schema, load_schema
from schemathesis.specs.openapi.checks import positive_data_acceptance

OPENAPI = Path(__file__).parents[1] / "inference" / "openapi.yml"
API: dict[str, Any] = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
PREDICT = API["paths"]["/invocations"]["post"]
SCHEMAS = API["components"]["schemas"]

# The four hundred systematic requests judge the server's code; to judge one model, random ones suffice.
PHASES = (Phase.generate,) if "MODEL_DIR" in os.environ else (Phase.explicit, Phase.generate)

SCHEMA = load_schema(Path(__file__).parents[1] / "config" / "schema.json")


def _cell(feature: NumberFeature | CategoryFeature) -> st.SearchStrategy[float | str]:
    """Return what a row may hold for a feature; an empty cell is a missing value."""
    if isinstance(feature, CategoryFeature):
        return st.sampled_from([*feature.categories, *(["never seen"] if feature.unknown == "ignore" else [])])
    number = st.floats(feature.minimum, feature.maximum)
    return number | st.just("") if feature.missing == "impute" else number


# Rows in schema.json's order: what the schema of a CSV or an Arrow body cannot say.
ROWS = st.lists(
    st.tuples(*map(_cell, SCHEMA.features)).map(lambda cells: dict(zip(SCHEMA.feature_names, cells, strict=True))),
    min_size=1,
    max_size=5,
)
schemathesis.openapi.media_type("text/csv", ROWS.map(lambda rows: payloads.csv_rows(rows, header=False)))
schemathesis.openapi.media_type(payloads.ARROW, ROWS.map(payloads.arrow_rows))
description = schemathesis.openapi.from_path(OPENAPI)


@pytest.fixture(scope="module")
def served(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server of the model under judgement."""
    scratch = tmp_path_factory.mktemp("contract")
    with server.running(model_dir, scratch, SAGEMAKER_MODEL_SERVER_WORKERS="1", MODEL_VERSION="3") as running:
        yield running


@pytest.fixture(scope="module")
def model_schema(model_dir: Path) -> Schema:
    """Return the schema that the model carries."""
    return load_schema(model_dir / "schema.json")


@description.parametrize()
@settings(
    max_examples=20,
    phases=PHASES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_server_keeps_its_description(case: schemathesis.Case[Any], served: Server) -> None:
    """Generated requests, right and wrong, get the statuses, types, headers and bodies that are described."""
    beside: list[Any] = [positive_data_acceptance] if _is_ragged(case.body) else []

    case.call_and_validate(base_url=served.url, excluded_checks=beside)


def _is_ragged(body: object) -> bool:
    """Tell whether columns differ in length: JSON Schema cannot say that they are one table."""
    match body:
        case {"columns": dict() as columns}:
            return len({len(column) for column in columns.values() if isinstance(column, list)}) > 1
    return False


def test_description_has_the_features_of_the_model(model_schema: Schema) -> None:
    """Each feature is described with the range, values and duty that the model's schema gives it."""
    row, columns = SCHEMAS["Row"], SCHEMAS["Columns"]["properties"]["columns"]
    described = {name: _followed(item) for name, item in row["properties"].items() if name not in model_schema.around}
    required = row.get("required", [])

    assert list(described) == list(model_schema.feature_names)
    assert required == columns.get("required", [])
    for number in model_schema.numbers:
        assert _number(number).items() <= described[number.name].items()
        assert (number.name in required) is (number.missing == "refuse")
    for category in model_schema.categories:
        values = list(category.categories) if category.unknown == "refuse" else None
        assert described[category.name].get("enum") == values


def _followed(item: dict[str, Any]) -> dict[str, Any]:
    """Return the shared schema that an item refers to, or the item."""
    found: dict[str, Any] = SCHEMAS[item["$ref"].rpartition("/")[2]] if "$ref" in item else item
    return found


def _number(feature: NumberFeature) -> dict[str, Any]:
    kind = ["number", "null"] if feature.missing == "impute" else "number"
    return {"type": kind, "minimum": feature.minimum, "maximum": feature.maximum}


def test_description_has_the_answers_of_the_model(model_schema: Schema) -> None:
    """What callers may get as an answer is what the model's task gives."""
    answer = SCHEMAS["Answer"]["properties"]["predictions"]["items"]
    fields = {
        "binary": ["label", "probability"],
        "multiclass": ["label", "probabilities"],
        "regression": ["value"],
    }

    assert answer["required"] == fields[model_schema.task]
    if model_schema.classes:
        assert set(answer["properties"]["label"]["enum"]) == set(model_schema.classes)
    if model_schema.task == "multiclass":
        assert list(answer["properties"]["probabilities"]["properties"]) == list(model_schema.classes)


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        (kind, name)
        for kind, content in PREDICT["requestBody"]["content"].items()
        for name in content.get("examples", {})
    ],
)
def test_described_request_is_answered(content_type: str, name: str, served: Server) -> None:
    """The examples are requests that a reader can send."""
    value = PREDICT["requestBody"]["content"][content_type]["examples"][name]["value"]
    body = value if isinstance(value, str) else json.dumps(value)

    with served.caller() as caller:
        reply = caller.invoke(body.encode(), content_type)

    assert reply.status == 200
    _fit("Answer", reply.json)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (status, name)
        for status, response in PREDICT["responses"].items()
        for name in response["content"].get("application/problem+json", {}).get("examples", {})
    ],
)
def test_described_refusal_is_a_refusal(status: str, name: str) -> None:
    """The examples of refusals have the form of refusals."""
    example = PREDICT["responses"][status]["content"]["application/problem+json"]["examples"][name]["value"]

    assert example["status"] == int(status)
    _fit("Problem", example)


def _fit(schema: str, document: object) -> None:
    """Raise unless the document fits the schema."""
    validator_for({"$ref": f"#/components/schemas/{schema}", "components": API["components"]}).validate(document)
