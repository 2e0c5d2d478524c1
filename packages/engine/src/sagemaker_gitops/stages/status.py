"""status: what serves where, since when and by whose word, and whether it is well."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import PipelineError
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import read
from sagemaker_gitops.release.state import fold
from sagemaker_gitops.release.status import Seen, Status, judge
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult

_WELL = frozenset({"healthy", "changing", "empty"})


def run(places: Sequence[tuple[Settings, Aws]]) -> StageResult:
    """Tell the state of every environment; one that cannot be read says why, unless it is the only one."""
    found = [_status(settings, aws, alone=len(places) == 1) for settings, aws in places]
    well = all(item.health in _WELL for item in found)
    return StageResult(
        summary=f"### status\n{_HEADER}\n" + "\n".join(map(_row, found)) + _remarks(found) + _freeze(places),
        outputs={
            "healthy": str(well).lower(),
            "environments": json.dumps([asdict(item) for item in found], default=datetime.isoformat),
        },
    )


def _status(settings: Settings, aws: Aws, *, alone: bool) -> Status:
    try:
        return judge(settings.env, _seen(settings, aws))
    except PipelineError as error:
        if alone:
            raise
        # The account may be another one, or its stacks not there yet: the others can still be told.
        return Status(environment=settings.env, health="unknown", traffic={}, troubles=(_unread(settings, error),))


def _unread(settings: Settings, error: PipelineError) -> str:
    place = f" ({error.where})" if error.where else ""
    return f"{error.what}{place}; `pipeline doctor --env {settings.env}` says what is missing"


def _seen(settings: Settings, aws: Aws) -> Seen:
    holder = aws.lease.holder(settings.endpoint_name)
    held = holder is not None and holder.expires > Clock().now().timestamp()
    return Seen(
        state=fold(read(aws.ledger)),
        endpoint=aws.endpoints.describe(settings.endpoint_name),
        holder=holder.owner if holder and held else "",
        alarms=aws.metrics.alarms(f"{settings.endpoint_name}-"),
        standby_hours=settings.deploy.standby_hours,
        published=aws.pointers.read(settings.endpoint_name),
    )


_HEADER = "| environment | health | version | since (UTC) | by | traffic | standby |\n|---|---|---|---|---|---|---|"


def _row(item: Status) -> str:
    by = f"{item.actor}, approved by {item.approver}" if item.approver else item.actor
    standby = ", ".join(item.standby)
    if item.standby_until:
        standby += f" until {_moment(item.standby_until)}"
    version = f"{item.version} ({item.commit[:12]})" if item.version else ""
    cells = (item.environment, item.health, version, _moment(item.since), by, _traffic(item.traffic), standby)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _traffic(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:g} %" for name, share in shares.items() if share)


def _moment(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _freeze(places: Sequence[tuple[Settings, Aws]]) -> str:
    """Say that nothing new may reach prod now."""
    frozen = next((settings.freeze.at(Clock().now()) for settings, _ in places if settings.env == "prod"), None)
    return f"\n\n{inert(str(frozen))}." if frozen else ""


def _remarks(found: Sequence[Status]) -> str:
    lines = [f"- `{item.environment}`: {trouble}" for item in found for trouble in item.troubles]
    return "\n\n" + "\n".join(lines) if lines else ""
