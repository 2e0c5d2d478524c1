"""page: keep one GitHub issue an environment about what the monitor finds, instead of one a run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.github import issues
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.issues import Issue
from sagemaker_gitops.monitor.publish import RECORD, SUMMARY
from sagemaker_gitops.monitor.record import Record, load_records
from sagemaker_gitops.monitor.verdict import Outcome
from sagemaker_gitops.project.monitor_config import Policy
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report.markdown import bounded, inert, quiet
from sagemaker_gitops.stages.result import StageResult

_LONGEST_HEADLINE = 1000
_SIGNATURE = "<!-- violated: {} -->"
_NO_REPORT = "The monitor could not finish its run and left no report. The run's log says why."
_KEPT = (
    "This text is that of the newest run. A comment tells when something else is violated; the issue closes itself "
    "when a window is ok again."
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where the monitor left its report, and the run that people shall look at."""

    run_url: str
    folder: Path = Path("reports/monitor")


@dataclass(frozen=True, kw_only=True)
class _Finding:
    outcome: Outcome
    asked: bool
    headline: str
    signature: str
    text: str


def run(settings: Settings, repository: Repository, options: Options) -> StageResult:
    """Open, update or close the environment's issue, as the outcome and the policy ask."""
    finding = _read(settings, options)
    label = f"monitor-{settings.env}"
    issue = issues.find(repository, label)
    done = _act(
        repository, issue, finding, title=f"Monitor of {settings.endpoint_name}: {finding.outcome}", label=label
    )
    return StageResult(
        summary=f"### page\n{finding.headline} {done}", outputs={"issue": str(issue.number) if issue else ""}
    )


def _act(repository: Repository, issue: Issue | None, finding: _Finding, *, title: str, label: str) -> str:
    if finding.outcome is Outcome.INSUFFICIENT:
        return "Too little was seen to open or to close an issue."
    if finding.outcome is Outcome.OK:
        return _settle(repository, issue, finding)
    if issue:
        return _update(repository, issue, finding)
    if not finding.asked:
        return "The environment's policy asks for no page."
    issues.open_new(repository, title=title, text=finding.text, label=label)
    return "An issue is open."


def _settle(repository: Repository, issue: Issue | None, finding: _Finding) -> str:
    if issue is None:
        return "There is no issue to close."
    issues.remark(repository, issue, f"{finding.headline}\n\n{finding.text}")
    issues.close(repository, issue)
    return f"Issue {issue.number} is closed."


def _update(repository: Repository, issue: Issue, finding: _Finding) -> str:
    issues.replace(repository, issue, finding.text)
    if finding.signature in issue.body:
        return f"Issue {issue.number} shows this run; the same is violated as before."
    issues.remark(repository, issue, f"Something else is violated now. {finding.headline}")
    return f"Issue {issue.number} shows this run, and a comment tells what changed."


def _read(settings: Settings, options: Options) -> _Finding:
    file = options.folder / RECORD
    if not file.is_file():
        return _without_report(settings.monitor.policy, options.run_url)
    (record,) = load_records([file.read_bytes()])
    signature = _SIGNATURE.format(_digest(record))
    summary = (options.folder / SUMMARY).read_text(encoding="utf-8")
    return _Finding(
        outcome=Outcome(record.outcome),
        asked=any(decision.reaction == "page" and decision.taken for decision in record.decisions),
        headline=f"{inert(record.reason[:_LONGEST_HEADLINE])}.",
        signature=signature,
        text=_text(signature, summary, run_url=options.run_url),
    )


def _text(signature: str, summary: str, *, run_url: str) -> str:
    """Write the issue: names in the summary come from captured traffic, and must not call anybody."""
    rest = f"The whole report is kept with the run: {run_url}"
    told = bounded(quiet(summary), longest=issues.LONGEST_TEXT - 2 * _LONGEST_HEADLINE - 1000, rest=rest)
    return f"{signature}\n{told}\n\nRun: {run_url}\n\n{_KEPT}"


def _without_report(policy: Policy, run_url: str) -> _Finding:
    signature = _SIGNATURE.format("no report")
    return _Finding(
        outcome=Outcome.BROKEN,
        asked="page" in policy.broken,
        headline=_NO_REPORT,
        signature=signature,
        text=f"{signature}\n{_NO_REPORT}\n\nRun: {run_url}\n\n{_KEPT}",
    )


def _digest(record: Record) -> str:
    """Name what is violated, so that two runs can be compared without comparing their figures."""
    names = sorted(f"{item['subject']} {item['feature']} {item['check']}" for item in record.violations)
    return hashlib.sha256("\n".join([record.outcome, *names]).encode()).hexdigest()[:16]
