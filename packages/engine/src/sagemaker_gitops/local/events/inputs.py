"""What text a target gets of an event: its own, a part of the event, or a template filled.

Source: Amazon EventBridge User Guide, "Input transformation".
"""

import json

import regex

from sagemaker_gitops.local.server.context import Document

_STEP = regex.compile(r"\.([\w-]+)|\[(\d+)\]")
PLACEHOLDER = regex.compile(r"<([\w.-]+)>")
PREDEFINED = (
    "aws.events.event",
    "aws.events.event.json",
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
)
# A string of JSON whole, or a placeholder outside of any.
_PART = regex.compile(r'"(?:[^"\\]|\\.)*"|<([\w.-]+)>')


def input_of(target: Document, document: Document, rule: Document) -> str:
    """Return the text for a target; ValueError when a JSON template does not give JSON."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], document))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], document, rule)
    return json.dumps(document)


def _transformed(transformer: Document, document: Document, rule: Document) -> str:
    values = {name: _at(path, document) for name, path in transformer.get("InputPathsMap", {}).items()}
    above = {"detailType" if name == "detail-type" else name: v for name, v in document.items() if name != "detail"}
    values.update(zip(PREDEFINED, (above, document, rule["Arn"], rule["Name"], document["time"]), strict=True))
    template = str(transformer["InputTemplate"])
    if not template.lstrip().startswith(("{", "[")):
        # In a text of its own, objects and lists lose their quotes.
        bare = {name: _plain(v).replace('"', "") if isinstance(v, dict | list) else v for name, v in values.items()}
        return _filled(template, bare)
    text = _PART.sub(lambda part: _json(values, part[1]) if part[1] else _filled(part[0], values), template)
    return json.dumps(json.loads(text), separators=(",", ":"))


def _filled(text: str, values: Document) -> str:
    """Put values into a text as they are: EventBridge escapes nothing there."""
    return PLACEHOLDER.sub(lambda found: _plain(values.get(found[1])), text)


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _json(values: Document, name: str) -> str:
    """Write a value that stands for itself in JSON; one that the event does not have is an empty text."""
    return json.dumps("" if values.get(name) is None else values[name])


def _at(path: str, document: Document) -> object:
    """Return what a JSON path like $.detail.items[0] names, or None."""
    value: object = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value
