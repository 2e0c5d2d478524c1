"""Facts recorded on AWS, replayed: the embedded AWS answers the same, or says that it does not play it.

A line of recordings/*.jsonl is one call: service, operation, input, and answer (what it holds at least) or error (its
code), with the source; `unplayed` where the embedded AWS answers 501.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tests.engine.local.harness import LocalAws

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.jsonl"))


def said(aws: LocalAws, call: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make a call; return the code of its error, or none and the answer."""
    try:
        answer = getattr(aws.client(call["service"]), xform_name(call["operation"]))(**call["input"])
    except ClientError as refusal:
        return refusal.response["Error"]["Code"], {}
    return "", answer


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_answer_is_as_recorded(aws: LocalAws, path: Path) -> None:
    """Every call of a file, with all that disagrees in one list."""
    calls = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    wrong = []
    for call in calls:
        code, answer = said(aws, call)
        wanted = "NotImplementedByLocalAWS" if call.get("unplayed") else call.get("error", "")
        if code != wanted or {**answer, **call.get("answer", {})} != answer:
            wrong.append((call["operation"], call["input"], wanted or call["answer"], code or answer))

    assert len(calls) > 5
    assert all(call["source"] for call in calls)
    assert wrong == []
