"""What callers get for bad input: problem details that name everything that is wrong."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import Instance
from sagemaker_gitops_modelkit.gates.server import Caller, Reply

PROBLEM = "application/problem+json"


def _places(reply: Reply) -> list[tuple[int | None, str | None]]:
    return [(error.get("row"), error.get("field")) for error in reply.json["errors"]]


def test_all_bad_rows_are_named_at_once(caller: Caller, rows: list[Instance]) -> None:
    """Row and field of every error, and what would have been right."""
    bad = [
        rows[0],
        {**rows[1], "pirat": "much", "phist": "perhaps"},
        rows[2],
        {name: value for name, value in rows[3].items() if name != "lvrat"},
        {**rows[4], "pirat": 1e9, "salary": 3},
    ]

    reply = caller.invoke(payloads.json_rows(bad))

    assert reply.status == 422
    assert reply.headers["content-type"] == PROBLEM
    assert reply.json["type"] == "urn:problem-type:invalid-input"
    assert _places(reply) == [(1, "pirat"), (1, "phist"), (3, "lvrat"), (4, "salary"), (4, "pirat")]
    assert reply.json["errors"][0]["detail"] == '"much" is not a number from 0 to 5'
    assert reply.json["errors"][1]["detail"] == '"perhaps" is not one of no, yes'
    assert reply.json["errors"][2]["detail"] == "is missing; expected a number from 0 to 3"


@pytest.mark.parametrize("form", ["columns", "csv", "csv with header"])
def test_other_forms_name_the_same_places(form: str, caller: Caller, rows: list[Instance]) -> None:
    """Columns and CSV are judged as rows are."""
    bad = [rows[0], {**rows[1], "pirat": 99.0, "phist": "perhaps"}, {**rows[2], "unemp": 101.0}]
    bodies = {
        "columns": (payloads.json_columns(bad), "application/json"),
        "csv": (payloads.csv_rows(bad, header=False), "text/csv"),
        "csv with header": (payloads.csv_rows(bad, header=True), "text/csv"),
    }

    reply = caller.invoke(*bodies[form])

    assert reply.status == 422
    assert _places(reply) == [(1, "pirat"), (1, "phist"), (2, "unemp")]


def test_unknown_category_is_treated_as_declared(caller: Caller, rows: list[Instance]) -> None:
    """`ignore` lets an unseen value through, `refuse` does not."""
    ignored = caller.invoke(payloads.json_rows([{**rows[0], "chist": "never seen"}]))
    refused = caller.invoke(payloads.json_rows([{**rows[0], "selfemp": "never seen"}]))

    assert ignored.status == 200
    assert refused.status == 422


def test_listing_ends_but_counting_does_not(caller: Caller, rows: list[Instance]) -> None:
    """A hopeless batch gets a thousand errors and the number of the others."""
    reply = caller.invoke(payloads.json_rows([{**rows[0], "pirat": -1}] * 1500))

    assert len(reply.json["errors"]) == 1000
    assert reply.json["errors_omitted"] == 500


@pytest.mark.parametrize(
    ("body", "content_type", "status", "kind"),
    [
        (b"", "application/json", 400, "malformed-body"),
        (b"{}", "application/json", 400, "malformed-body"),
        (b'{"instances": []}', "application/json", 400, "malformed-body"),
        (b'{"columns": {}}', "application/json", 422, "invalid-input"),
        (b'{"instances": [{}], "columns": {}}', "application/json", 422, "invalid-input"),
        (b'{"instances": [1, null, "x", []]}', "application/json", 422, "invalid-input"),
        (b'{"instances": [{"pirat": NaN}]}', "application/json", 400, "malformed-body"),
        (b'{"instances": [{"pirat": Infinity}]}', "application/json", 400, "malformed-body"),
        (b'{"instances": [{"pirat": 1e999}]}', "application/json", 422, "invalid-input"),
        (b'{"instances": [{"phist": "\xff"}]}', "application/json", 422, "invalid-input"),
        (b"\xff\xfe", "application/json", 400, "malformed-body"),
        (b'{"instances": ' + b"[" * 100_000, "application/json", 400, "malformed-body"),
        (b'{"a":' * 100_000, "application/json", 400, "malformed-body"),
        (b"", "text/csv", 400, "malformed-body"),
        (b"\n\n\n", "text/csv", 400, "malformed-body"),
        (b"1,2,3\n", "text/csv", 422, "invalid-input"),
        (b'"open,2,3\n', "text/csv", 400, "malformed-body"),
        (b"pirat,pirat\n1,2\n", "text/csv", 422, "invalid-input"),
        (b"\xff\xfe\n", "text/csv", 400, "malformed-body"),
        (b"{}", "application/xml", 415, "unsupported-media-type"),
        (b"{}", "application/json; charset=utf-16", 415, "unsupported-media-type"),
    ],
)
def test_malformed_body_is_refused_in_kind(
    body: bytes, content_type: str, status: int, kind: str, caller: Caller
) -> None:
    """Grammar, shape and media type have a status and a stable name each."""
    reply = caller.invoke(body, content_type)

    assert (reply.status, reply.json["type"]) == (status, f"urn:problem-type:{kind}")
    assert reply.headers["content-type"] == PROBLEM
    assert reply.json["status"] == status


@pytest.mark.parametrize(
    ("cell", "accepted"),
    [
        ("nan", True),
        ("null", True),
        ("+3.9", True),
        (" 3.9 ", True),
        ("inf", False),
        ("1_0", False),
        ("0x1", False),
        ("\N{ARABIC-INDIC DIGIT ONE}", False),
        ("1e0", True),
    ],
)
def test_csv_number_is_a_plain_decimal(cell: str, accepted: bool, caller: Caller, rows: list[Instance]) -> None:
    """What only a programming language would call a number is refused; words for nothing are missing values."""
    reply = caller.invoke(payloads.csv_rows([{**rows[0], "unemp": cell}], header=False), "text/csv")

    assert (reply.status == 200) is accepted


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/invocations", 405, {"allow": "POST"}),
        ("POST", "/ping", 405, {"allow": "GET, HEAD"}),
        ("GET", "/", 404, {}),
        ("GET", "/..%2f..%2fetc/passwd", 404, {}),
    ],
)
def test_other_routes_are_refused(
    method: str, path: str, status: int, headers: Mapping[str, str], caller: Caller
) -> None:
    """Only what SageMaker calls exists."""
    reply = caller.ask(method, path)

    assert reply.status == status
    assert headers.items() <= reply.headers.items()


@pytest.mark.parametrize("bad", ["", "x" * 65, "n\u00e4me", "tab\tbed"])
def test_id_that_cannot_be_kept_is_refused(bad: str, caller: Caller, rows: list[Instance]) -> None:
    """InvokeEndpoint's own rule for the inference id holds here too."""
    headers: dict[str, Any] = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-Inference-Id": bad.encode("latin-1"),
    }

    reply = caller.ask("POST", "/invocations", payloads.json_rows(rows[:1]), headers)

    assert reply.status == 400


def test_unacceptable_answer_is_refused(caller: Caller, rows: list[Instance]) -> None:
    """An answer is JSON or CSV."""
    assert caller.invoke(payloads.json_rows(rows), Accept="image/png").status == 406
    assert caller.invoke(payloads.json_rows(rows), Accept="*/*, application/json;q=0, text/*;q=0").status == 406


def test_refusal_names_the_inference_id(caller: Caller) -> None:
    """A refused request can be found in the log as well."""
    reply = caller.invoke(b"{", X_Amzn_SageMaker_Inference_Id="lost")

    assert reply.json["instance"] == "urn:inference-id:lost"
    assert "inference-id=lost" in reply.headers["x-amzn-sagemaker-custom-attributes"]


def test_null_is_no_column(caller: Caller, rows: list[Instance]) -> None:
    """openapi.yml calls each column an array, those that the model never sees too; leaving one out is another thing."""
    columns = json.loads(payloads.json_columns(rows[:3]))
    columns["columns"]["rownames"] = None

    reply = caller.invoke(json.dumps(columns).encode())

    assert reply.status == 422
    assert [error["field"] for error in reply.json["errors"]] == ["rownames"]


def test_columns_of_different_lengths_are_refused(caller: Caller, rows: list[Instance]) -> None:
    """A table has one length."""
    columns = json.loads(payloads.json_columns(rows[:3]))
    columns["columns"]["pirat"].pop()

    reply = caller.invoke(json.dumps(columns).encode())

    assert reply.status == 400
    assert "length" in reply.json["detail"]
