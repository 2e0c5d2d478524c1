"""schema: configuration is valid, data keeps its schema, the API is described, and no change breaks callers."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from sagemaker_gitops.build import pointers
from sagemaker_gitops.errors import Annotation, SchemaBroken
from sagemaker_gitops.github import declaration
from sagemaker_gitops.project import api_contract, spectral
from sagemaker_gitops.project import contract_change as change
from sagemaker_gitops.project import data_contract as data
from sagemaker_gitops.project import schema_documents as documents
from sagemaker_gitops.project.config import EnvironmentFile, Project
from sagemaker_gitops.project.environments import ENVIRONMENTS
from sagemaker_gitops.project.freeze import Freeze
from sagemaker_gitops.project.model_schema import Baseline, Hyperparameters, ModelSchema
from sagemaker_gitops.stages.result import StageResult

_DOCUMENTS: dict[str, type[BaseModel]] = {
    "infra/config/project.json": Project,
    "infra/config/freeze.json": Freeze,
    **{f"infra/config/{env}.json": EnvironmentFile for env in ENVIRONMENTS},
    "model/config/baseline.json": Baseline,
    "model/config/hyperparameters.json": Hyperparameters,
    declaration.FILE: declaration.Declaration,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit whose callers must not break, none to leave that check out; whether to write openapi.yml anew."""

    base: str | None = None
    write: bool = False


def run(root: Path, options: Options) -> StageResult:
    """Check the checkout at `root`."""
    schema = documents.read(root, change.SCHEMA, ModelSchema)
    if options.write and schema.content:
        (root / change.API).write_text(api_contract.make(root, schema.content), encoding="utf-8")
    found = {
        "configuration": schema.findings + _configuration(root),
        "data": data.check(root, schema.content) if schema.content else (),
        "data pointers": _data_pointers(root),
        "API description": _api(root, schema.content),
        "callers": change.check(root, options.base) if options.base else (),
    }
    if any(item.level == "error" for items in found.values() for item in items):
        raise _refusal(found)
    compared = "" if options.base else "\nNot compared with a base commit: `--base` was not given."
    return StageResult(
        summary=_table(found) + compared, annotations=tuple(i for items in found.values() for i in items)
    )


def _configuration(root: Path) -> tuple[Annotation, ...]:
    return tuple(item for file, model in _DOCUMENTS.items() for item in documents.read(root, file, model).findings)


def _data_pointers(root: Path) -> tuple[Annotation, ...]:
    message = "the file is not the one that its pointer names: run `pipeline data commit`"
    changed = (pointer for pointer in pointers.read(root) if pointer.state() == "changed")
    files = (item.path.relative_to(root).as_posix() for item in changed)
    return tuple(Annotation(message=message, file=file, level="warning") for file in files)


def _api(root: Path, schema: ModelSchema | None) -> tuple[Annotation, ...]:
    if not (root / change.API).is_file():
        return (Annotation(message="the API description is missing", file=change.API),)
    return spectral.check(root, change.API) + (api_contract.check(root, schema) if schema else ())


def _refusal(found: dict[str, tuple[Annotation, ...]]) -> SchemaBroken:
    broken = [item for items in found.values() for item in items if item.level == "error"]
    lines = [f"{item.file}:{item.line}: {item.message}" for item in broken]
    breaks = any(item.level == "error" for item in found["callers"])
    error = SchemaBroken(
        "invalid, or breaking callers:\n    " + "\n    ".join(lines),
        next_step=(
            f"offer the old form beside the new one, or announce it: raise the major version in {change.API}"
            if breaks
            else "fix each line above"
        ),
    )
    error.summary = _table(found)
    error.annotations = tuple(broken)
    return error


def _table(found: dict[str, tuple[Annotation, ...]]) -> str:
    rows = []
    for name, items in found.items():
        counts = Counter(item.level for item in items)
        told = ", ".join(f"{count} {level}" for level, count in sorted(counts.items())) or "nothing found"
        rows.append(f"| {'✗' if counts['error'] else '✓'} | {name} | {told} |")
    return "\n".join(["### schema", "", "| | check | findings |", "|---|---|---|", *rows])
