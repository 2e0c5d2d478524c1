"""Commands that change, ask or explain what an endpoint serves."""

from typing import Annotated

import typer

from sagemaker_gitops.cli.options import Actor, Env, Reason, Version
from sagemaker_gitops.cli.running import actor as who
from sagemaker_gitops.cli.running import place, run, run_id
from sagemaker_gitops.project.environments import Environment

app = typer.Typer()


@app.command()
def deploy(
    env: Env,
    version: Version,
    reason: Reason = "",
    approver: Annotated[str, typer.Option("--approver", help="Who let it through; the registry's word else.")] = "",
    actor: Actor = None,
) -> None:
    """Bring a registered version to the endpoint, step by watched step; run again to continue."""
    from sagemaker_gitops.stages import deploy as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings,
            aws,
            stage.Options(
                version=version,
                actor=who(aws, actor),
                run=run_id(),
                approver=approver,
                reason=reason,
                progress=place().progress,
            ),
        ),
    )


@app.command()
def needed(env: Env, version: Version) -> None:
    """Tell whether a version has yet to be released: one that serves already asks nobody."""
    from sagemaker_gitops.stages import needed as stage

    run(env, lambda settings, aws: stage.run(settings, aws, stage.Options(version=version)))


@app.command()
def verify(
    env: Annotated[Environment, typer.Option("--env", help="The environment whose endpoint is asked.")],
    version: Annotated[int, typer.Option("--version", min=1, help="The version that must answer.")],
) -> None:
    """Send requests to the endpoint: the release, the contract and the service level must hold."""
    from sagemaker_gitops.stages import verify as stage

    options = stage.Options(version=version, progress=place().progress)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


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
    from sagemaker_gitops.stages import rollback as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings,
            aws,
            stage.Options(
                reason=reason,
                actor=who(aws, actor),
                to=to,
                run=run_id(),
                alarm=alarm,
                unattended=unattended,
                force=force,
                dry_run=dry_run,
                progress=place().progress,
            ),
        ),
    )


@app.command()
def reconcile(
    env: Env,
    apply: Annotated[bool, typer.Option("--apply", help="Repair what can be repaired.")] = False,
    actor: Actor = None,
) -> None:
    """Compare what is declared with what serves."""
    from sagemaker_gitops.stages import reconcile as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings,
            aws,
            stage.Options(actor=who(aws, actor), run=run_id(), apply=apply, progress=place().progress),
        ),
    )


@app.command()
def history(env: Env, limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50) -> None:
    """Tell what served when, why, and who said so."""
    from sagemaker_gitops.stages import history as stage

    options = stage.Options(limit=limit)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command("verify-ledger")
def verify_ledger(env: Env) -> None:
    """Prove that nobody altered, removed or moved an entry of the ledger."""
    from sagemaker_gitops.stages import verify_ledger as stage

    run(env, lambda settings, aws: stage.run(settings, aws, stage.Options()))


@app.command("who-served")
def who_served(
    env: Env,
    inference_id: Annotated[str, typer.Argument(help="As returned to the caller.")],
    hours: Annotated[float, typer.Option(min=0.01, help="How far back to look.")] = 48,
) -> None:
    """Tell which release answered a request, and who let it."""
    from sagemaker_gitops.stages import who_served as stage

    options = stage.Options(inference_id=inference_id, hours=hours)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def clean(env: Env, actor: Actor = None) -> None:
    """Retire expired standbys, and say what they cost."""
    from sagemaker_gitops.stages import clean as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings, aws, stage.Options(actor=who(aws, actor), run=run_id(), progress=place().progress)
        ),
    )


@app.command()
def drill(env: Env, actor: Actor = None) -> None:
    """Roll an environment back and forward again, and keep the times."""
    from sagemaker_gitops.stages import drill as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings, aws, stage.Options(actor=who(aws, actor), run=run_id(), progress=place().progress)
        ),
    )
