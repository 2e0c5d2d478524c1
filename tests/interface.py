"""The public interface of both packages, written down: `make interface` records it, with a line of CHANGELOG.md.

Public is what a project's files, its workflows and its callers use: the command lines with their exit codes, the keys
of infra/config, the callers' client, and what model/ imports of the modelkit. Everything else may change at any time.
"""

import ast
import hashlib
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, get_origin

import typer.main
from pydantic import BaseModel
from sagemaker_gitops import errors
from sagemaker_gitops.cli.app import app
from sagemaker_gitops.client import features, resolver
from sagemaker_gitops.project.config import EnvironmentFile, Project
from sagemaker_gitops.stages.result import StageResult
from tests.bake import ROOT
from tests.sample import ROOT as SAMPLE
from tests.sample import refresh

SNAPSHOT = ROOT / "tests/interface.json"
CHANGELOG = ROOT / "CHANGELOG.md"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
Snapshot = dict[str, Any]


class Untold(Exception):
    """The interface changed, and CHANGELOG.md does not say so."""


def render() -> list[str]:
    """Describe the interface, one line for each thing that somebody may rely on."""
    lines = [*_commands((), typer.main.get_command(app)), *_exit_codes(), f"--json ok outputs: {_fields(StageResult)}"]
    lines += [*_keys("infra/config/project.json", Project), *_keys("infra/config/<env>.json", EnvironmentFile)]
    for module in (features, resolver):
        public = [name for name, item in vars(module).items() if _own(module, name, item)]
        lines += [line for name in public for line in _described(module.__name__, name)]
    lines += [line for module, name in sorted(_imported()) for line in _described(module, name)]
    return sorted({_ADDRESS.sub("", line) for line in lines})


def told(changelog: str) -> list[str]:
    """Return the lines of the newest section of a changelog."""
    section = changelog.split("\n## ")[1]
    return [line for line in section.splitlines()[1:] if line.startswith("- ")]


def record(interface: Sequence[str], lines: Sequence[str], former: Snapshot) -> Snapshot:
    """Make the snapshot that follows a former one; a changed interface needs a line that the former did not have."""
    if list(interface) != former["interface"] and set(lines) <= set(former["changelog"]):
        raise Untold("the public interface changed: tell its users in CHANGELOG.md, then run `make interface`")
    snapshot = {"changelog": list(lines), "interface": list(interface)}
    return snapshot | {"sha256": digest(snapshot)}


def digest(snapshot: Snapshot) -> str:
    """Seal interface and changelog lines together, so that neither is edited alone."""
    sealed = [snapshot["changelog"], snapshot["interface"]]
    return hashlib.sha256(json.dumps(sealed).encode()).hexdigest()


def _commands(words: tuple[str, ...], command: Any) -> Iterator[str]:
    for parameter in command.params:
        annotation = parameter.type_descriptor.annotation
        kind = getattr(annotation, "__name__", "") if isinstance(annotation, type) else str(annotation)
        need = "required" if parameter.required else f"default {parameter.default!r}"
        names = "/".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name
        yield f"pipeline {' '.join(words)} {names}: {kind}, {need}".replace("  ", " ")
    yield f"pipeline {' '.join(words)}".strip()
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands((*words, name), child)


def _exit_codes() -> Iterator[str]:
    for name, item in vars(errors).items():
        if inspect.isclass(item) and issubclass(item, errors.PipelineError):
            yield f"exit code {item.exit_code}: {name}"


def _fields(kind: type) -> str:
    return ", ".join(f"{name}: {annotation}" for name, annotation in inspect.get_annotations(kind).items())


def _keys(place: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        need = "required" if field.is_required() else f"default {field.default!r}"
        inner = [kind for kind in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_section(kind)]
        if not inner:
            yield f"{place} {name}: {field.annotation} {field.metadata}, {need}"
        for kind in inner:
            yield f"{place} {name}: {'required' if field.is_required() else 'optional'}"
            yield from _keys(f"{place} {name}", kind)


def _is_section(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _own(module: Any, name: str, item: Any) -> bool:
    return not name.startswith("_") and getattr(item, "__module__", "") == module.__name__


def _imported() -> set[tuple[str, str]]:
    """Return what the files of model/ import of the modelkit: module and name."""
    return {
        (node.module, alias.name)
        for path in (SAMPLE / "model").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sagemaker_gitops_modelkit")
        for alias in node.names
    }


def _described(module: str, name: str) -> Iterator[str]:
    found = getattr(importlib.import_module(module), name, None)
    item = found if found is not None else importlib.import_module(f"{module}.{name}")
    if inspect.ismodule(item):
        for inner in [inner for inner, value in vars(item).items() if _own(item, inner, value)]:
            yield from _described(item.__name__, inner)
    elif inspect.isclass(item):
        yield f"{module}.{name}({_fields(item)})"
        for inner, method in vars(item).items():
            if not inner.startswith("_") and inspect.isfunction(method):
                yield f"{module}.{name}.{inner}{inspect.signature(method)}"
    elif get_origin(item) is not None:
        yield f"{module}.{name} = {item}"
    elif callable(item):
        yield f"{module}.{name}{inspect.signature(item)}"
    else:
        yield f"{module}.{name}: {type(item).__name__}"


def main() -> int:
    """Record the interface as it is now."""
    refresh()
    former = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {"changelog": [], "interface": []}
    try:
        made = record(render(), told(CHANGELOG.read_text()), former)
    except Untold as error:
        sys.stderr.write(f"make: {error}\n")
        return 1
    SNAPSHOT.write_text(json.dumps(made, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
