"""doctor: is everything on AWS as infra/ declares it, and if not, what mends it."""

from collections.abc import Iterator

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import FoundationIncomplete
from sagemaker_gitops.project.problem import Ailment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost, infrastructure
from sagemaker_gitops.stacks.infrastructure import Stack
from sagemaker_gitops.stages.result import StageResult

_SOUND = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


def run(settings: Settings, aws: Aws, *, also: tuple[Ailment, ...] = ()) -> StageResult:
    """Look at everything, and fail with the list of what has to be mended; `also` comes from elsewhere."""
    found = [*also, *_examine(settings, aws)]
    estimate = cost.estimate(settings, alarms=len(infrastructure.alarms(settings))).table()
    if found:
        error = FoundationIncomplete(
            "\n    ".join([f"{len(found)} things to mend:", *(item.what for item in found)]),
            where=f"environment {settings.env}",
            next_step="; ".join(dict.fromkeys(item.remedy for item in found)),
        )
        error.summary = f"### doctor\n{_table(found)}\n\n{estimate}"
        raise error
    return StageResult(summary=f"### doctor\nEverything is as declared.\n\n{estimate}")


def _examine(settings: Settings, aws: Aws) -> Iterator[Ailment]:
    account = aws.account()
    wanted = infrastructure.stacks(settings)
    own = [stack for stack in wanted if stack.account == account]
    if not own:
        accounts = ", ".join(dict.fromkeys(stack.account for stack in wanted))
        yield Ailment(
            what=f"the credentials belong to account {account}, the environment to {accounts}",
            remedy="set AWS_PROFILE to one of those accounts",
        )
    if not settings.project_file.github.subject_prefix:
        yield Ailment(
            what="nobody on GitHub can assume a role: github.subject_prefix in infra/config/project.json is empty",
            remedy="write what `gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix` prints",
        )
    for stack in own:
        yield from _stack(settings, aws, stack)
    for name in infrastructure.switched_off(settings):
        if settings.account == account and aws.stacks.status(name):
            yield Ailment(
                what=f"stack {name} is there, but infra/config/{settings.env}.json does not ask for it",
                remedy=f"aws cloudformation delete-stack --stack-name {name}",
            )
    yield from _page(settings, aws)


def _stack(settings: Settings, aws: Aws, stack: Stack) -> Iterator[Ailment]:
    status = aws.stacks.status(stack.name)
    remedy = f"pipeline bootstrap aws --env {settings.env}"
    if status not in _SOUND:
        yield Ailment(what=f"stack {stack.name} is {status or 'missing'}", remedy=remedy)
        return
    for item in aws.stacks.drift(stack.name):
        place = f"{item.type} {item.logical_id}{item.path}"
        yield Ailment(
            what=f"{place} was changed by hand: declared {item.expected or 'absent'}, is {item.actual or 'absent'}",
            remedy="undo the change, or write it into infra/lib",
        )


def _page(settings: Settings, aws: Aws) -> Iterator[Ailment]:
    topic = aws.stacks.outputs(f"{settings.project}-observability-{settings.env}").get("Page")
    if topic and not aws.subscribers(topic):
        yield Ailment(
            what=f"alarms of {settings.env} page nobody: topic {topic.rpartition(':')[2]} has no subscriber",
            remedy=f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU@EXAMPLE",
        )


def _table(found: list[Ailment]) -> str:
    return "\n".join(["| wrong | mended by |", "|---|---|", *(f"| {item.what} | {item.remedy} |" for item in found)])
