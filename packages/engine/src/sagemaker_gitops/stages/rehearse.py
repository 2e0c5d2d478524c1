"""rehearse: train this checkout on this machine, check it against every threshold, compare it with another commit."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.build import champion as opponents
from sagemaker_gitops.build import fingerprint, gates, rehearsal
from sagemaker_gitops.build.champion import Fetched, Opponent
from sagemaker_gitops.build.comparison_markdown import Compared, markdown
from sagemaker_gitops.build.comparison_page import webpage
from sagemaker_gitops.build.rehearsal import Rehearsed
from sagemaker_gitops.errors import TrainingFailed
from sagemaker_gitops.project import git
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report.markdown import bounded, inert, quiet
from sagemaker_gitops.stacks import cost
from sagemaker_gitops.stages import contract_review, cost_review
from sagemaker_gitops.stages.result import StageResult

FOLDER = Path("reports/rehearsal")
# GitHub takes 65,536 characters; the action that writes the comment adds its mark.
_LONGEST_COMMENT = 65_000
_REST = "The whole of it is `report.md` in this run's artifact `rehearsal`."


_NOT_GIVEN = "this run was given no champion, as none from a fork is"
_NO_CHAMPION = "no version of the registry is approved yet"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The commit to compare with, if any; and the folder that `champion` filled, if this run was given one."""

    base: str | None
    progress: Callable[[str], None]
    champion: Path | None = None


def run(root: Path, options: Options) -> StageResult:
    """Judge the model that this checkout makes; the report is written whether it passes or not."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        options.progress("training the model of this checkout")
        candidate = rehearsal.train(root, folder / "candidate")
        base = _base(root, folder, options)
        fetched = opponents.read(options.champion) if options.champion else None
        opponent = _opponent(base, fetched, folder, options)
        options.progress("running the gates")
        tests = sorted((root / "model" / "tests").glob("test_*.py"))
        compared = Compared(
            candidate=candidate,
            opponent=opponent,
            verdict=gates.run(root, tests, _places(root, candidate, opponent)),
            price=_price(root),
            registered=_registered(root, candidate, fetched),
        )
        report = _freeze(root) + markdown(compared) + (_review(base.folder, root) if base else "")
        _write(root, compared, report)
    if not compared.verdict.passed:
        error = gates.refusal(compared.verdict)
        error.summary = report
        raise error
    return StageResult(summary=report, outputs={"fingerprint": candidate.mark.digest})


@dataclass(frozen=True, kw_only=True)
class _Base:
    commit: str
    folder: Path


def _base(root: Path, folder: Path, options: Options) -> _Base | None:
    if not options.base:
        return None
    commit = git.merge_base(root, options.base)
    return _Base(commit=commit, folder=rehearsal.checkout(root, commit, folder / "base"))


def _opponent(base: _Base | None, fetched: Fetched | None, folder: Path, options: Options) -> Opponent | None:
    if fetched and options.champion and (found := opponents.champion(fetched, options.champion, folder / "champion")):
        return found
    if base is None:
        return None
    options.progress(f"training the model of {base.commit[:12]} to compare with")
    try:
        model = rehearsal.train(base.folder, folder / "trained")
    except TrainingFailed as failure:
        options.progress(f"it has no model to compare with: {failure.what}")
        return None
    return opponents.base(model, commit=base.commit, because=_NO_CHAMPION if fetched else _NOT_GIVEN)


def _places(root: Path, candidate: Rehearsed, opponent: Opponent | None) -> dict[str, str]:
    places = {"MODEL_DIR": str(candidate.folder), "DATA_DIR": str(root / "data")}
    return places | ({"CHAMPION_DIR": str(opponent.model.folder)} if opponent else {})


def _registered(root: Path, candidate: Rehearsed, fetched: Fetched | None) -> int | None:
    if fetched is None:
        return None
    settings = Settings.load(root, "dev", {})
    image = settings.image_uri("inference", fingerprint.image_tag(root, "inference"))
    return fetched.registered_as(candidate.mark.digest, image=image)


def _review(before: Path, after: Path) -> str:
    return contract_review.markdown(before, after) + "\n" + cost_review.markdown(before, after)


def _freeze(root: Path) -> str:
    """Say that a merge will not reach prod now."""
    frozen = Settings.load(root, "dev", {}).freeze.at(datetime.now(UTC))
    return f"> {inert(str(frozen))}. A merge reaches staging, and prod after that.\n\n" if frozen else ""


def _price(root: Path) -> str:
    run = cost.training_run(Settings.load(root, "dev", {}))
    return f"at most {run.dollars:.2f} USD: {run.assumption}"


def _write(root: Path, compared: Compared, report: str) -> None:
    target = root / FOLDER
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy2(compared.candidate.folder / "metrics.json", target)
    (target / "report.md").write_text(report, encoding="utf-8")
    # A change's column names and values must not call anybody, nor keep GitHub from taking the comment.
    comment = bounded(quiet(report), longest=_LONGEST_COMMENT, rest=_REST)
    (target / "comment.md").write_text(comment, encoding="utf-8")
    (target / "report.html").write_text(webpage(compared), encoding="utf-8")
