"""Writes docs/reference.md from the code, so that it cannot differ: `make reference`."""

import inspect
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sagemaker_gitops import errors
from sagemaker_gitops.cli.app import app
from sagemaker_gitops.errors import PipelineError
from sagemaker_gitops.project.config import EnvironmentFile, Project
from sagemaker_gitops.project.freeze import Freeze
from tests.engine import reference_files, rights
from typer.core import TyperOption

HEAD = """# Reference

Written by `make reference` from the code; a test fails when the two differ.

"""


def render() -> str:
    """Return the whole document."""
    parts = [_commands(), _exit_codes(), _settings("infra/config/project.json", Project)]
    parts.append(_settings("infra/config/&lt;env&gt;.json", EnvironmentFile))
    parts.append(_settings("infra/config/freeze.json", Freeze))
    parts.append(rights.render())
    parts += [reference_files.workflows(), reference_files.roles(), reference_files.events()]
    return HEAD + "\n".join(parts)


def _commands() -> str:
    lines = [
        "## Commands",
        "",
        "Each is `pipeline …`; with `--json` anywhere among its words, it prints one JSON object.",
        "Colours go with `NO_COLOR=1`.",
        "",
        "Completion in bash (or zsh, with `source_zsh`):",
        "",
        "```bash",
        'eval "$(_PIPELINE_COMPLETE=source_bash pipeline)"',
        "```",
        "",
    ]
    for words, command in sorted(_leaves(typer.main.get_command(app), ()), key=lambda leaf: leaf[0]):
        lines += [f"### {' '.join(words)}", "", (command.help or "").split("\n\n")[0].replace("\n", " "), ""]
        rows = [_option(item) for item in command.params if isinstance(item, TyperOption) and item.name != "help"]
        lines += ["| option | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(lines)


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
        return
    for name, child in children.items():
        if not child.hidden:
            yield from _leaves(child, (*words, name))


def _option(item: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in item.opts)
    need = " (required)" if item.required else ""
    told = (getattr(item, "help", None) or "").replace("|", "\\|")
    annotation: object = item.type_descriptor.annotation
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    listed = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    return f"| {names}{need} | {told}{listed} |"


def _exit_codes() -> str:
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, PipelineError)]
    rows = [
        f"| {item.exit_code} | {item.__name__} | {inspect.getdoc(item)} |"
        for item in sorted(classes, key=lambda item: item.exit_code)
        if item is not PipelineError
    ]
    head = ["## Exit codes", "", "0 is success; 130 is Ctrl-C. `docs/operate.md` says what to do about each.", ""]
    return "\n".join([*head, "| code | name | meaning |", "|---|---|---|", *rows, ""])


def _settings(title: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}", "", (inspect.getdoc(model) or ""), ""]
    rows = [f"| `{key}` | {kind} | {default} |" for key, kind, default in _keys(model, "")]
    return "\n".join([*lines, "| key | kind | default |", "|---|---|---|", *rows, ""])


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section:
            needed = "required" if field.default is not None else f"none; required with `{prefix}{name}`"
            for key, kind, default in _keys(section, f"{prefix}{name}."):
                yield key, kind, needed if default == "required" else default
        else:
            yield f"{prefix}{name}", _kind(field), _default(field)


def _section(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def _kind(field: FieldInfo) -> str:
    name = getattr(field.annotation, "__name__", None) if not get_args(field.annotation) else None
    told = name or str(field.annotation).replace("typing.", "")
    bounds = [(item, key, word) for item in field.metadata for key, word in _BOUNDS if hasattr(item, key)]
    limits = [f"{word} {getattr(item, key):g}" for item, key, word in bounds]
    return ", ".join([told, *limits]).replace("|", "\\|")


_BOUNDS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"


if __name__ == "__main__":
    sys.stdout.write(render())
