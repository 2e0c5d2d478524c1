"""What callers get for good input, over HTTP."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import Instance
from sagemaker_gitops_modelkit.gates.server import Caller
from sagemaker_gitops_modelkit.training.data import Split, as_served, features, target
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters
from sagemaker_gitops_modelkit.training.probes import probes
from tests.modelkit.serving.conftest import IDENTITY
from tests.sample import ROOT
from train import Hyperparameters, build_pipeline

CONFIG = ROOT / "model/config"
# As many rows beside the real ones as a body of 6 MiB takes.
MANY = 8000


def test_ping_answers_once_the_model_is_ready(caller: Caller) -> None:
    """A server that listens has passed its self-test."""
    assert caller.ask("GET", "/ping").status == 200


def test_answer_carries_version_fingerprint_and_id(caller: Caller, rows: list[Instance]) -> None:
    """Body and headers name the model that answered and the id under which it is recorded."""
    reply = caller.invoke(payloads.json_rows(rows[:2]), X_Amzn_SageMaker_Inference_Id="application-17")

    assert reply.status == 200
    assert reply.json["model_version"] == IDENTITY["MODEL_VERSION"]
    assert reply.json["fingerprint"] == IDENTITY["MODEL_FINGERPRINT"]
    assert reply.json["inference_id"] == "application-17"
    expected = f"model-version=7;fingerprint={'ab' * 32};inference-id=application-17"
    assert reply.headers["x-amzn-sagemaker-custom-attributes"] == expected


def test_id_is_made_where_the_caller_sends_none(caller: Caller, rows: list[Instance]) -> None:
    """Every answer can be found again."""
    first, second = (caller.invoke(payloads.json_rows(rows[:1])).json["inference_id"] for _ in range(2))

    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first)
    assert first != second


@pytest.mark.parametrize("form", ["columns", "csv", "csv with header"])
def test_every_form_gets_the_same_answer(form: str, caller: Caller, rows: list[Instance]) -> None:
    """How rows are written does not change what is predicted."""
    bodies = {
        "columns": (payloads.json_columns(rows), "application/json"),
        "csv": (payloads.csv_rows(rows, header=False), "text/csv"),
        "csv with header": (payloads.csv_rows(rows, header=True), "text/csv; charset=utf-8"),
    }

    expected = caller.invoke(payloads.json_rows(rows)).json["predictions"]
    reply = caller.invoke(*bodies[form])

    assert reply.json["predictions"] == expected


def test_answer_comes_as_csv_on_request(caller: Caller, rows: list[Instance]) -> None:
    """Accept: text/csv gets one line a row."""
    expected = caller.invoke(payloads.json_rows(rows)).json["predictions"]

    reply = caller.invoke(payloads.json_rows(rows), Accept="text/csv")

    lines = [f"{answer['label']},{answer['probability']!r}" for answer in expected]
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.body.decode().splitlines() == lines


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv, */*;q=0.1", "text/csv"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("application/json;q=0.5, text/*;q=0.8", "text/csv"),
        ("text/csv;q=0.9, application/*;q=0.900", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("*/*;q=0.1", "application/json"),
        ("image/png, TEXT/CSV; Q=0.001", "text/csv"),
        ("text/csv;q=0, */*", "application/json"),
        ("", "application/json"),
    ],
)
def test_highest_weight_is_answered(accept: str, media_type: str, caller: Caller, rows: list[Instance]) -> None:
    """The most specific range tells a form's weight, 0 excludes it, and JSON wins a tie (RFC 9110, 12.5.1)."""
    reply = caller.invoke(payloads.json_rows(rows), Accept=accept)

    assert reply.status == 200
    assert reply.headers["content-type"].partition(";")[0] == media_type


def test_byte_order_mark_is_no_part_of_a_body(caller: Caller, rows: list[Instance]) -> None:
    """JSON and CSV, with a header and without, that a Windows program wrote are read as without the mark."""
    sent = [
        (payloads.json_rows(rows), "application/json"),
        (payloads.csv_rows(rows, header=True), "text/csv"),
        (payloads.csv_rows(rows, header=False), "text/csv"),
    ]

    marked = [caller.invoke(b"\xef\xbb\xbf" + body, kind) for body, kind in sent]

    plain = caller.invoke(*sent[0])
    assert [reply.status for reply in marked] == [200] * 3
    assert all(reply.json["predictions"] == plain.json["predictions"] for reply in marked)


def test_attributes_and_traces_are_passed_on(caller: Caller, rows: list[Instance]) -> None:
    """A caller's attributes come back behind ours, its trace headers as they were."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    reply = caller.invoke(
        payloads.json_rows(rows[:1]),
        X_Amzn_SageMaker_Custom_Attributes="model-version=99;team=credit",
        Traceparent=trace,
        X_Amzn_Trace_Id="Root=1-67891233-abcdef012345678912345678",
    )

    attributes = reply.headers["x-amzn-sagemaker-custom-attributes"]
    assert attributes.startswith("model-version=7;")
    assert attributes.endswith(";team=credit")
    assert "model-version=99" not in attributes
    assert reply.headers["traceparent"] == trace
    assert reply.headers["x-amzn-trace-id"].startswith("Root=")


def test_protected_attribute_may_come_along(caller: Caller, rows: list[Instance]) -> None:
    """What capture needs for the bias monitor changes no answer."""
    expected = caller.invoke(payloads.json_rows(rows)).json["predictions"]

    reply = caller.invoke(payloads.json_rows([{**row, "afam": "yes", "rownames": 12} for row in rows]))

    assert reply.json["predictions"] == expected


def test_missing_values_are_imputed_where_the_schema_says_so(caller: Caller, rows: list[Instance]) -> None:
    """Absent, null and an empty cell are the same missing value."""
    row = dict(rows[0])
    absent = {name: value for name, value in row.items() if name != "hirat"}

    answers = [
        caller.invoke(json.dumps({"instances": [absent]}).encode()),
        caller.invoke(json.dumps({"instances": [{**absent, "hirat": None}]}).encode()),
        caller.invoke(payloads.csv_rows([{**row, "hirat": ""}], header=False), "text/csv"),
        caller.invoke(payloads.csv_rows([absent], header=True), "text/csv"),
    ]

    assert [reply.status for reply in answers] == [200] * 4
    assert len({json.dumps(reply.json["predictions"]) for reply in answers}) == 1


def test_large_batch_equals_its_rows_one_by_one(
    caller: Caller, data_dir: Path, schema: Schema, rows: list[Instance]
) -> None:
    """A batch that a thread answers has the answers of single requests."""
    many = payloads.instances(data_dir, schema, 3000)

    batch = caller.invoke(payloads.json_rows(many)).json["predictions"]
    single = [caller.invoke(payloads.json_rows([row])).json["predictions"][0] for row in rows]

    assert len(batch) == 3000
    assert batch[: len(single)] == single


def test_answers_equal_scikit_learn(caller: Caller, split: Split, schema: Schema) -> None:
    """The served model is scikit-learn's pipeline: on every row, and on rows at every split of its trees."""
    hyperparameters = load_hyperparameters(CONFIG / "hyperparameters.json", Hyperparameters)
    table = as_served(features(split.train, schema), schema)
    pipeline = build_pipeline(schema, hyperparameters).fit(table, target(split.train, schema))
    everything = pd.concat([table, features(split.test, schema)], ignore_index=True)
    made = probes(lambda rows: pipeline.predict_proba(rows)[:, 1:], everything, schema, least=1e-6)
    edges = _acceptable(made.rows, schema).sample(MANY, random_state=0)
    real = as_served(pd.concat([everything, edges], ignore_index=True), schema)

    reply = caller.invoke(_as_json(real))
    served = pd.DataFrame(reply.json["predictions"])

    expected = pipeline.predict_proba(real)[:, 1]
    labels = np.where(expected.astype(np.float32) >= np.float32(hyperparameters.threshold), "yes", "no")
    assert np.abs(served["probability"].to_numpy() - expected).max() <= 1e-5
    assert (served["label"].to_numpy() == labels).all()


def _acceptable(edges: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Keep the edge rows that the schema lets through."""
    known = [edges[f.name].isin(f.categories) for f in schema.categories if f.unknown == "refuse"]
    within = [edges[f.name].isna() | edges[f.name].between(f.minimum, f.maximum) for f in schema.numbers]
    there = [edges[f.name] != "" for f in schema.categories if f.missing == "refuse"]
    return edges[np.logical_and.reduce([*known, *within, *there])]


def _as_json(table: pd.DataFrame) -> bytes:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return json.dumps({"instances": rows}).encode()
