"""bootstrap aws: everything on AWS that the stages need, planned first, then made in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.stack_shapes import Change, ChangeSet, StackRequest
from sagemaker_gitops.errors import CredentialsMissing, PipelineError
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks.infrastructure import Stack
from sagemaker_gitops.stages import foundation
from sagemaker_gitops.stages.foundation import Foundation
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is shown the plan, and who says yes to it."""

    progress: Callable[[str], None]
    agreed: Callable[[str], bool]


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Plan every stack of the account in use, show the plan, and carry it out."""
    found = foundation.look(settings, aws)
    wanted, own = found.wanted, found.own
    if not own:
        raise _foreign(found.account, wanted)
    for remark in found.remarks:
        options.progress(remark)
    plans = _plans(aws, own, options)
    if not plans:
        return StageResult(summary=_summary("nothing to change", found), outputs={"changed": "0"})
    if not options.agreed("\n".join(_shown(plan) for plan in plans)):
        for plan in plans:
            aws.stacks.discard(plan)
        return StageResult(summary=_summary("nothing was changed: the plan was declined", replace(found, own=())))
    for plan in plans:
        options.progress(f"stack {plan.stack}: {len(plan.changes)} changes")
        aws.stacks.execute(plan)
    made = f"{len(plans)} stacks brought up to date"
    return StageResult(summary=_summary(made, found), outputs={"changed": str(len(plans))})


def _plans(aws: Aws, own: Sequence[Stack], options: Options) -> list[ChangeSet]:
    plans: list[ChangeSet] = []
    try:
        for stack in own:
            plans += [plan] if (plan := _plan(aws, stack, options)) else []
    except PipelineError:
        # What cannot be planned whole is not made in part.
        for plan in plans:
            aws.stacks.discard(plan)
        raise
    return plans


def _plan(aws: Aws, stack: Stack, options: Options) -> ChangeSet | None:
    options.progress(f"stack {stack.name}: planning")
    return aws.stacks.plan(
        StackRequest(name=stack.name, template=stack.template, parameters=stack.parameters, tags=stack.tags)
    )


def _shown(plan: ChangeSet) -> str:
    return "\n".join([f"{plan.stack}{' (new)' if plan.creates else ''}", *(_line(change) for change in plan.changes)])


def _line(change: Change) -> str:
    sign = {"Add": "+", "Import": "=", "Modify": "~", "Remove": "-"}.get(change.action, "?")
    remark = " REPLACED" if change.replacement else " adopted" if change.action == "Import" else ""
    changed = f" ({', '.join(change.properties)})" if change.properties else ""
    return f"  {sign} {change.logical_id:28} {change.type}{changed}{remark}"


def _summary(outcome: str, found: Foundation) -> str:
    elsewhere = [stack for stack in found.wanted if stack.account != found.account]
    lines = [f"### bootstrap aws\n{outcome}: {', '.join(f'`{stack.name}`' for stack in found.own)}.", *found.remarks]
    for account in dict.fromkeys(stack.account for stack in elsewhere if found.own):
        names = ", ".join(f"`{stack.name}`" for stack in elsewhere if stack.account == account)
        lines.append(f"Account {account} was not touched; with its credentials, the same command makes {names}.")
    return "\n".join(lines)


def _foreign(account: str, wanted: tuple[Stack, ...]) -> CredentialsMissing:
    accounts = ", ".join(dict.fromkeys(stack.account for stack in wanted))
    return CredentialsMissing(
        f"the credentials in use belong to account {account}, but the environment lives in {accounts}",
        where="infra/config/project.json",
        next_step="set AWS_PROFILE to an administrator of one of those accounts",
    )
