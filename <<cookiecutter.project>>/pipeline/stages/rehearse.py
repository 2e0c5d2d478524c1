"""rehearse: train this checkout on this machine, hold it against every mark, and compare it with another commit's."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import comparison, cost, gates, git, rehearsal
from pipeline.contract import review
from pipeline.errors import TrainingFailed
from pipeline.rehearsal import Rehearsed
from pipeline.result import StageResult
from pipeline.settings import Settings

FOLDER = Path("reports/rehearsal")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit to compare with, if any."""

    base: str | None
    progress: Callable[[str], None]


def run(root: Path, options: Options) -> StageResult:
    """Judge the model that this checkout makes; the report is written whether it passes or not."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        options.progress("training the model of this checkout")
        candidate = rehearsal.train(root, folder / "candidate")
        base = _base(root, folder, options)
        champion = _champion(base, folder, options) if base else None
        options.progress("running the gates")
        verdict = gates.run(
            root, sorted((root / "model" / "tests").glob("test_*.py")), _places(root, candidate, champion)
        )
        contract = review.markdown(base, root) if base else ""
        report = comparison.markdown(candidate, champion, verdict, price=_price(root)) + contract
        _write(root, candidate, report)
    if not verdict.passed:
        error = gates.refusal(verdict)
        error.summary = report
        raise error
    return StageResult(summary=report, outputs={"fingerprint": candidate.mark.digest})


def _base(root: Path, folder: Path, options: Options) -> Path | None:
    if not options.base:
        return None
    return rehearsal.checkout(root, git.merge_base(root, options.base), folder / "base")


def _champion(base: Path, folder: Path, options: Options) -> Rehearsed | None:
    options.progress(f"training the model of {(options.base or '')[:12]} to compare with")
    try:
        return rehearsal.train(base, folder / "champion")
    except TrainingFailed as failure:
        options.progress(f"it has no model to compare with: {failure.what}")
        return None


def _places(root: Path, candidate: Rehearsed, champion: Rehearsed | None) -> dict[str, str]:
    places = {"MODEL_DIR": str(candidate.folder), "DATA_DIR": str(root / "data")}
    return places | ({"CHAMPION_DIR": str(champion.folder)} if champion else {})


def _price(root: Path) -> str:
    run = cost.training_run(Settings.load(root, "dev", {}))
    return f"at most {run.dollars:.2f} USD: {run.assumption}"


def _write(root: Path, candidate: Rehearsed, report: str) -> None:
    target = root / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy2(candidate.folder / "metrics.json", target)
    (target / "comment.md").write_text(report, encoding="utf-8")
