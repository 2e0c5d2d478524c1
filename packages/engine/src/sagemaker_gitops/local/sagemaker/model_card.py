"""Model cards of model packages: refused unless they follow SageMaker's schema."""

import json
from functools import cache
from pathlib import Path

import jsonschema_rs

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid

_SCHEMA = Path(__file__).with_name("modelcard.schema.json")


def check(params: Document) -> None:
    """Refuse a card that is no JSON, or breaks the schema; the message names the place."""
    text = params.get("ModelCard", {}).get("ModelCardContent")
    if text is None:
        return
    if "\n" in text:
        raise invalid("ModelCardContent must satisfy regular expression pattern: .*")
    try:
        content = json.loads(text)
    except ValueError as err:
        raise invalid(f"Model card content is not valid JSON: {err}") from err
    problem = next(iter(_validator().iter_errors(content)), None)
    if problem is not None:
        place = "/".join(map(str, problem.instance_path))
        raise invalid(f"Model card content is not valid at '{place}': {problem.message}")


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))
