"""Commands that change or explain what an endpoint serves."""

from typing import Annotated

import typer

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.cli.running import actor as _actor
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.cli.running import run_id as _run_id
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import clean as clean_stage
from sagemaker_gitops.stages import deploy as deploy_stage
from sagemaker_gitops.stages import drill as drill_stage
from sagemaker_gitops.stages import history as history_stage
from sagemaker_gitops.stages import reconcile as reconcile_stage
from sagemaker_gitops.stages import rollback as rollback_stage
from sagemaker_gitops.stages import verify_ledger as verify_ledger_stage
from sagemaker_gitops.stages import who_served as who_served_stage
from sagemaker_gitops.stages.result import StageResult

app = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Version = Annotated[int, typer.Option("--version", min=1, help="A version of the model registry.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who acts; GitHub's or AWS's word if not given.")]


@app.command()
def deploy(
    env: Env,
    version: Version,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")] = "",
    approver: Annotated[str, typer.Option("--approver", help="Who let it through; the registry's word else.")] = "",
    actor: Actor = None,
) -> None:
    """Bring a registered version to the endpoint, step by watched step; run again to continue."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = deploy_stage.Options(
            version=version,
            actor=_actor(aws, actor),
            run=_run_id(),
            approver=approver,
            reason=reason,
            progress=place().progress,
        )
        return deploy_stage.run(settings, aws, options)

    run(env, act)


@app.command()
def rollback(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    env: Env,
    reason: Reason,
    to: Annotated[str, typer.Option("--to", help="previous, a version, or a commit.")] = "previous",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even to a revoked version; the ledger keeps it.")] = False,
    alarm: Annotated[str, typer.Option("--alarm", help="The alarm that rang; refused if its variant is gone.")] = "",
    unattended: Annotated[
        bool, typer.Option("--unattended", help="An event asks, not a person: keep the policy's limits.")
    ] = False,
    actor: Actor = None,
) -> None:
    """Let an earlier release serve again; an unfinished deploy is taken over and ended."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = rollback_stage.Options(
            reason=reason,
            actor=_actor(aws, actor),
            to=to,
            run=_run_id(),
            alarm=alarm,
            unattended=unattended,
            force=force,
            dry_run=dry_run,
            progress=place().progress,
        )
        return rollback_stage.run(settings, aws, options)

    run(env, act)


@app.command()
def reconcile(
    env: Env,
    apply: Annotated[bool, typer.Option("--apply", help="Repair what can be repaired.")] = False,
    actor: Actor = None,
) -> None:
    """Compare what is declared with what serves."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = reconcile_stage.Options(
            actor=_actor(aws, actor), run=_run_id(), apply=apply, progress=place().progress
        )
        return reconcile_stage.run(settings, aws, options)

    run(env, act)


@app.command()
def history(env: Env, limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50) -> None:
    """Tell what served when, why, and who said so."""
    options = history_stage.Options(limit=limit)
    run(env, lambda settings, aws: history_stage.run(settings, aws, options))


@app.command("verify-ledger")
def verify_ledger(env: Env) -> None:
    """Prove that nobody altered, removed or moved an entry of the ledger."""
    run(env, lambda settings, aws: verify_ledger_stage.run(settings, aws, verify_ledger_stage.Options()))


@app.command("who-served")
def who_served(
    env: Env,
    inference_id: Annotated[str, typer.Argument(help="As returned to the caller.")],
    hours: Annotated[float, typer.Option(min=0.01, help="How far back to look.")] = 48,
) -> None:
    """Tell which release answered a request, and who let it."""
    options = who_served_stage.Options(inference_id=inference_id, hours=hours)
    run(env, lambda settings, aws: who_served_stage.run(settings, aws, options))


@app.command()
def clean(env: Env, actor: Actor = None) -> None:
    """Retire standbys whose time is over, and say what they cost."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = clean_stage.Options(actor=_actor(aws, actor), run=_run_id(), progress=place().progress)
        return clean_stage.run(settings, aws, options)

    run(env, act)


@app.command()
def drill(env: Env, actor: Actor = None) -> None:
    """Roll an environment back and forward again, and keep the times."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = drill_stage.Options(actor=_actor(aws, actor), run=_run_id(), progress=place().progress)
        return drill_stage.run(settings, aws, options)

    run(env, act)
