"""The JSON files that people edit, read strictly and blamed by line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from sagemaker_gitops.errors import Annotation

Content = TypeVar("Content", bound=BaseModel)
Location = Sequence[int | str]


@dataclass(frozen=True, kw_only=True)
class Document(Generic[Content]):
    """A file's validated content, or what is wrong with it."""

    content: Content | None = None
    findings: tuple[Annotation, ...] = ()


def read(root: Path, file: str, model: type[Content]) -> Document[Content]:
    """Read a JSON file of the checkout as `model`."""
    try:
        text = (root / file).read_text(encoding="utf-8")
        return Document(content=model.model_validate(json.loads(text)))
    except (OSError, UnicodeDecodeError) as err:
        return Document(findings=(Annotation(message=f"cannot be read: {err}", file=file),))
    except json.JSONDecodeError as err:
        return Document(findings=(Annotation(message=f"not valid JSON: {err.msg}", file=file, line=err.lineno),))
    except ValidationError as err:
        return Document(findings=tuple(_blame(err, file, text)))


def line_of(text: str, location: Location) -> int:
    """Find the line of a key or item in YAML or JSON; its nearest existing ancestor if it is not there."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for step in location:
        below = _below(node, step)
        if below is not None:
            line, node = below
    return line


def _blame(error: ValidationError, file: str, text: str) -> list[Annotation]:
    return [
        Annotation(message=_problem(item["loc"], item["msg"]), file=file, line=line_of(text, item["loc"]))
        for item in error.errors()
    ]


def _problem(location: Location, message: str) -> str:
    key = ".".join(str(step) for step in location)
    return f"{key}: {message}" if key else message


def _below(node: yaml.Node | None, step: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None
