"""doctor: is everything on AWS as infra/ declares it, and if not, what fixes it."""

from collections.abc import Iterator

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import FoundationIncomplete
from sagemaker_gitops.project.problem import Problem
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost, infrastructure
from sagemaker_gitops.stacks.infrastructure import Stack
from sagemaker_gitops.stages import foundation
from sagemaker_gitops.stages.result import StageResult

_SOUND = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


def run(settings: Settings, aws: Aws, *, also: tuple[Problem, ...] = ()) -> StageResult:
    """Look at everything, and fail with the list of what has to be fixed; `also` comes from elsewhere."""
    found = [*also, *_examine(settings, aws)]
    estimate = cost.estimate(settings, alarms=len(infrastructure.alarms(settings))).table()
    if found:
        error = FoundationIncomplete(
            "\n    ".join([f"{len(found)} things to fix:", *(item.what for item in found)]),
            where=f"environment {settings.env}",
            next_step="; ".join(dict.fromkeys(item.fix for item in found)),
        )
        error.summary = f"### doctor\n{_table(found)}\n\n{estimate}"
        raise error
    return StageResult(summary=f"### doctor\nEverything is as declared.\n\n{estimate}")


def _examine(settings: Settings, aws: Aws) -> Iterator[Problem]:
    at = foundation.look(settings, aws)
    account, own = at.account, at.own
    if not own:
        accounts = ", ".join(dict.fromkeys(stack.account for stack in at.wanted))
        yield Problem(
            what=f"the credentials belong to account {account}, the environment to {accounts}",
            fix="set AWS_PROFILE to one of those accounts",
        )
    if not settings.project_file.github.subject_prefix:
        yield Problem(
            what="nobody on GitHub can assume a role: github.subject_prefix in infra/config/project.json is empty",
            fix="write what `gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix` prints",
        )
    for stack in own:
        yield from _stack(settings, aws, stack)
    for name in infrastructure.switched_off(settings):
        if settings.account == account and aws.stacks.status(name):
            yield Problem(
                what=f"stack {name} is there, but infra/config/{settings.env}.json does not ask for it",
                fix=f"aws cloudformation delete-stack --stack-name {name}",
            )
    yield from _page(settings, aws)


def _stack(settings: Settings, aws: Aws, stack: Stack) -> Iterator[Problem]:
    status = aws.stacks.status(stack.name)
    fix = f"pipeline bootstrap aws --env {settings.env}"
    if status not in _SOUND:
        yield Problem(what=f"stack {stack.name} is {status or 'missing'}", fix=fix)
        return
    for item in aws.stacks.drift(stack.name):
        place = f"{item.type} {item.logical_id}{item.path}"
        yield Problem(
            what=f"{place} was changed by hand: declared {item.expected or 'absent'}, is {item.actual or 'absent'}",
            fix="undo the change, or write it into infra/lib",
        )


def _page(settings: Settings, aws: Aws) -> Iterator[Problem]:
    topic = aws.stacks.outputs(f"{settings.project}-observability-{settings.env}").get("Page")
    if topic and not aws.subscribers(topic):
        yield Problem(
            what=f"alarms of {settings.env} page nobody: topic {topic.rpartition(':')[2]} has no subscriber",
            fix=f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU@EXAMPLE",
        )


def _table(found: list[Problem]) -> str:
    return "\n".join(["| wrong | fixed by |", "|---|---|", *(f"| {item.what} | {item.fix} |" for item in found)])
