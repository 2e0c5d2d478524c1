"""model init: propose a model's files from a CSV file and a first fit; write them when told to."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.build import first_thresholds, rehearsal
from sagemaker_gitops.build.first_thresholds import Figures, Thresholds
from sagemaker_gitops.project import api_contract, table
from sagemaker_gitops.project import contract_change as contract
from sagemaker_gitops.project.schema_proposal import Asked, Proposal, propose
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult

_CONFIG = "model/config"
_TRAIN = "model/train/train.py"
# What is no part of the project as it would be cloned.
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", ".local", ".cache", ".hypothesis", ".*_cache", "__pycache__", "reports"
)
_LEARNERS = ("GradientBoostingClassifier", "GradientBoostingRegressor")
_SEARCHED = {"binary": "validation:roc_auc", "multiclass": "validation:macro_f1", "regression": "validation:r2"}
_OPEN = "Not stated: only people can say it."

# A file's new text by its path; None takes it away.
Changes = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The CSV file, what is asked of it, whether to write, and who is told what is going on."""

    source: Path
    asked: Asked
    write: bool
    progress: Callable[[str], None]


def run(root: Path, options: Options) -> StageResult:
    """Show what was guessed and why, and which files it makes; write them with `options.write`."""
    proposal = propose(table.read(options.source), options.asked)
    changes = _model(root, proposal)
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(root, copy, ignore=_LEFT_OUT, symlinks=True)
        _apply(copy, changes)
        options.progress("training a first model to set thresholds by")
        trained = rehearsal.train(copy, Path(scratch) / "job")
        options.progress("measuring it")
        figures = first_thresholds.measure(copy, model=trained.folder, data=copy / "data")
    thresholds = first_thresholds.propose(figures, proposal.schema.task)
    changes |= {f"{_CONFIG}/baseline.json": _json(thresholds.document)}
    kinds = {name: _kind(root, name, text) for name, text in changes.items()}
    if options.write:
        _apply(root, changes)
    summary = _summary(proposal, figures, thresholds, {n: k for n, k in kinds.items() if k}, written=options.write)
    return StageResult(summary=summary, outputs={"task": proposal.schema.task, "written": str(options.write).lower()})


def _model(root: Path, proposal: Proposal) -> dict[str, str | None]:
    """Make every file but the thresholds, which need a first fit."""
    schema, name = proposal.schema, re.sub(r"[^A-Za-z0-9._-]+", "-", proposal.table.source.name)
    others = [path for kind in ("*.csv", "*.csv.dvc") for path in sorted((root / "data").glob(kind))]
    changes: dict[str, str | None] = {
        path.relative_to(root).as_posix(): None for path in others if path.name not in {name, f"{name}.dvc"}
    }
    document = schema.model_dump(mode="json", exclude_none=True)
    return {
        **changes,
        f"data/{name}": proposal.table.text(),
        contract.SCHEMA: _json(document),
        contract.API: api_contract.make(root, schema),
        f"{_CONFIG}/card.json": _json(_card(proposal)),
        f"{_CONFIG}/hyperparameters.json": _json(_hyperparameters(root, schema.task)),
        **_search(root, schema.task),
        **_learner(root, schema.task),
    }


def _card(proposal: Proposal) -> dict[str, Any]:
    schema = proposal.schema
    unmeasured = [] if schema.protected else ["No protected attribute was named: nobody measured whether it is fair."]
    return {
        "purpose": f"Predicts {schema.target}. What for: {_OPEN[0].lower()}{_OPEN[1:]}",
        **dict.fromkeys(("intended_uses", "factors", "business_problem", "stakeholders", "ethics"), _OPEN),
        "risk_rating": "Unknown",
        "risk_explanation": _OPEN,
        "data": f"{proposal.table.source.name}: {proposal.table.rows} rows, {len(schema.features)} features.",
        "objective": "Minimize" if schema.task == "regression" else "Maximize",
        "limits": [*unmeasured, "The thresholds were set by one first fit on one split."],
    }


def _hyperparameters(root: Path, task: str) -> dict[str, str]:
    kept = json.loads((root / _CONFIG / "hyperparameters.json").read_text(encoding="utf-8"))
    kept.pop("threshold", None)
    # Which error costs more, nobody has said yet.
    return {**kept, **({"threshold": "0.5"} if task == "binary" else {})}


def _search(root: Path, task: str) -> dict[str, str]:
    path = root / _CONFIG / "tuning.json"
    if not path.is_file():
        return {}
    search = json.loads(path.read_text(encoding="utf-8"))
    return {f"{_CONFIG}/tuning.json": _json({**search, "metric": _SEARCHED[task], "objective": "Maximize"})}


def _learner(root: Path, task: str) -> dict[str, str]:
    """Let the project's own learner estimate numbers instead of classes, or the other way, where it is the sample's."""
    wanted, other = reversed(_LEARNERS) if task == "regression" else _LEARNERS
    text = (root / _TRAIN).read_text(encoding="utf-8")
    return {_TRAIN: text.replace(other, wanted)} if other in text else {}


def _apply(root: Path, changes: Changes) -> None:
    for name, text in changes.items():
        path = root / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _kind(root: Path, name: str, text: str | None) -> str:
    path = root / name
    if text is None:
        return "removed"
    if not path.is_file():
        return "new"
    return "" if path.read_text(encoding="utf-8") == text else "changed"


def _json(document: Mapping[str, Any]) -> str:
    """Write JSON with one line for each innermost object and list, as people lay these files out."""
    text = json.dumps(_tidy(document), indent=2, ensure_ascii=False)
    for inner in (r"\[\n\s+([^\[\]{}]*?)\n\s*\]", r"\{\n\s+([^{}]*?)\n\s*\}"):
        text = re.sub(inner, lambda found: found[0][0] + re.sub(r"\n\s+", " ", found[1]) + found[0][-1], text)
    return text + "\n"


def _tidy(value: Any) -> Any:
    """Write 8.0 as 8."""
    if isinstance(value, dict):
        return {name: _tidy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _summary(
    proposal: Proposal, figures: Figures, thresholds: Thresholds, kinds: Mapping[str, str], *, written: bool
) -> str:
    columns = [f"| {inert(g.column)} | {inert(g.taken_as)} | {inert(g.why)} |" for g in proposal.guesses]
    limits = [
        f"| {name} | {found['value']:.4g} | {found['standard_error']:.2g} | {_limit(thresholds.document[gate][name])} |"
        for gate in ("quality", "bias")
        for name, found in figures[gate].items()
        if name in thresholds.document.get(gate, {})
    ]
    files = [f"| `{name}` | {kind} |" for name, kind in kinds.items()]
    doubts = [f"- {doubt}" for doubt in (*thresholds.doubts, *_unsaid(proposal))]
    end = (
        "Written. Look at `git diff`, say in `model/config/card.json` what only people can say, then "
        "`pipeline data commit` and `pipeline rehearse`."
        if written
        else "Nothing was changed. The same command with `--yes` writes the files."
    )
    parts = (
        "### model init",
        f"{proposal.table.rows} rows; a {proposal.schema.task} task.",
        "\n".join(["| column | taken as | why |", "|---|---|---|", *columns]),
        "\n".join(["| figure | first model | standard error | threshold |", "|---|---|---|---|", *limits]),
        "\n".join(["To be decided by people:", *doubts]),
        "\n".join(["| file | |", "|---|---|", *files]),
        end,
    )
    return "\n\n".join(parts)


def _unsaid(proposal: Proposal) -> list[str]:
    told = ["what the model is for, and who is affected: `model/config/card.json`"]
    if not proposal.schema.protected:
        told.append("whose groups to compare, with `--protected` and `--favourable`; else no gate asks for fairness")
    if proposal.schema.task == "binary":
        told.append("from which probability on the answer is positive: `threshold` in `hyperparameters.json`, now 0.5")
    return told


def _limit(limit: Mapping[str, Any]) -> str:
    return f"at least {limit['minimum']:g}" if "minimum" in limit else f"at most {limit['maximum']:g}"
