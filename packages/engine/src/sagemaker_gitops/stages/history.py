"""history: what served when, why, and who said so."""

import json
from dataclasses import dataclass

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Entry, read
from sagemaker_gitops.release.state import fold
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """How far back."""

    limit: int = 50


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Tell the newest entries of the ledger, newest first."""
    entries = read(aws.ledger)
    state = fold(entries)
    serving = f"version **{state.serving.version}** must serve" if state.serving else "nothing was released"
    unfinished = ""
    if state.rollout:
        unfinished = f" The {state.rollout.kind} of version {state.rollout.candidate.version} is unfinished."
    newest = entries[::-1][: options.limit]
    table = "\n".join(_row(entry) for entry in newest)
    return StageResult(
        summary=f"### history of {settings.env}\n{len(entries)} entries; {serving}.{unfinished}\n\n{_HEADER}\n{table}",
        outputs={
            "entries": json.dumps([json.loads(entry.text()) for entry in newest]),
            "serving": str(state.serving.version) if state.serving else "",
        },
    )


_HEADER = "| entry | UTC | what | version | traffic after | who | why |\n|---|---|---|---|---|---|---|"


def _row(entry: Entry) -> str:
    traffic = ", ".join(f"{name} {share:g} %" for name, share in entry.after.items())
    version = str(entry.release.version) if entry.release else ""
    who = f"{entry.actor}, approved by {entry.approver}" if entry.approver else entry.actor
    cells = (
        str(entry.sequence),
        f"{entry.finished:%Y-%m-%d %H:%M:%S}",
        f"{entry.action} {entry.outcome}",
        version,
        traffic,
        who,
        entry.reason,
    )
    return f"| {' | '.join(map(inert, cells))} |"
