"""lint: run every linter of .pre-commit-config.yaml on the whole checkout at once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError, LintFailed
from sagemaker_gitops.project import linters
from sagemaker_gitops.project.linters import Linter, Outcome
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which linters; all of them when none is named."""

    progress: Callable[[str], None]
    only: tuple[str, ...] = ()


def run(root: Path, options: Options) -> StageResult:
    """Run the linters on the checkout at `root`; one finding is enough to fail."""
    outcomes = linters.run(_chosen(linters.read(root), options.only), root, options.progress)
    if not all(outcome.passed for outcome in outcomes):
        raise _refusal(outcomes)
    return StageResult(summary=_table(outcomes))


def _chosen(listed: tuple[Linter, ...], names: tuple[str, ...]) -> list[Linter]:
    known = {linter.name: linter for linter in listed}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise ConfigurationError(
            f"there is no linter {', '.join(unknown)}", where="--only", next_step=f"choose among {', '.join(known)}"
        )
    return [known[name] for name in names] if names else list(listed)


def _refusal(outcomes: tuple[Outcome, ...]) -> LintFailed:
    failed = [outcome for outcome in outcomes if not outcome.passed]
    counts = ", ".join(f"{item.name} {len(item.findings) or 'could not run'}" for item in failed)
    lines = [f"{found.file}:{found.line}: {found.message}" for item in failed for found in item.findings]
    lines += [f"{item.name} stopped: {item.fault}" for item in failed if item.fault]
    error = LintFailed(
        f"the linters found: {counts}\n    " + "\n    ".join(lines),
        next_step="fix each line; `ruff check --fix .` and `ruff format .` do their part by themselves",
    )
    error.summary = _table(outcomes)
    error.annotations = tuple(found for item in failed for found in item.findings)
    return error


def _table(outcomes: tuple[Outcome, ...]) -> str:
    rows = [
        f"| {'✓' if item.passed else '✗'} | {item.name} | {'could not run' if item.fault else len(item.findings)} |"
        for item in outcomes
    ]
    return "\n".join(["### lint", "", "| | linter | findings |", "|---|---|---|", *rows])
