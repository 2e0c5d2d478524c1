"""Commands that make a model: images, training, gates, registration, a search, and retraining."""

from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.options import Champion, Data, Digest, Env, Parent, Verify, Version
from sagemaker_gitops.cli.running import actor, commit_of_checkout, place, run

app = typer.Typer()


@app.command()
def image(env: Env) -> None:
    """Build and push this commit's containers, unless their content is there."""
    from sagemaker_gitops.stages import image as stage

    options = stage.Options(commit=commit_of_checkout(), progress=place().progress)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def train(env: Env, parent: Parent = None, data: Data = None, *, verify: Verify = False) -> None:
    """Find the model that this commit determines, or run the training job that makes it."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import train as stage

    options = stage.Options(progress=place().progress, choice=Choice(parent=parent, data=data), verify=verify)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def explain(
    env: Env,
    version: Annotated[int | None, typer.Option(min=1, help="Compare with this version.")] = None,
    parent: Parent = None,
    data: Data = None,
    *,
    verify: Verify = False,
) -> None:
    """Say of model, images and gate report whether they would be built, and which input changed."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import explain as stage

    options = stage.Options(version=version, choice=Choice(parent=parent, data=data), verify=verify)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def test(env: Env, fingerprint: Digest = None, parent: Parent = None, data: Data = None) -> None:
    """Check the trained model against every threshold; a missed one stops here."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import test as stage

    choice = Choice(parent=parent, data=data)
    options = stage.Options(progress=place().progress, fingerprint=fingerprint, choice=choice)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def register(
    env: Env,
    fingerprint: Digest = None,
    commit: str | None = None,
    parent: Parent = None,
    data: Data = None,
    attestation: Annotated[
        Path | None, typer.Option(help="The bundle that actions/attest signed about the model's digest.")
    ] = None,
) -> None:
    """Enter a model that passed its gates into the registry."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import register as stage

    options = stage.Options(
        fingerprint=fingerprint,
        commit=commit or commit_of_checkout(),
        choice=Choice(parent=parent, data=data),
        attestation=attestation,
    )
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def approve(
    env: Env,
    version: Version,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")],
    approver: Annotated[str | None, typer.Option(help="Who decides; the AWS identity if not given.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Refuse it, or revoke an earlier approval.")] = False,
) -> None:
    """Let a registered version into production, or refuse it."""
    from sagemaker_gitops.stages import approve as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings,
            aws,
            stage.Options(version=version, approver=actor(aws, approver), reason=reason, reject=reject),
        ),
    )


@app.command()
def tune(
    env: Env,
    jobs: Annotated[int | None, typer.Option(min=1, max=750, help="So many trials, instead of tuning.json's.")] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the best into model/config/hyperparameters.json.")
    ] = False,
) -> None:
    """Try the hyperparameters of model/config/tuning.json on managed compute, and propose the best."""
    from sagemaker_gitops.stages import tune as stage

    options = stage.Options(progress=place().progress, jobs=jobs, write=write)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def orchestrate(
    env: Env,
    parent: Parent = None,
    data: Data = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write the definition.")] = False,
) -> None:
    """Have SageMaker Pipelines train, test and register this commit's model."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import orchestrate as stage

    options = stage.Options(
        progress=place().progress,
        choice=Choice(parent=parent, data=data),
        commit=commit_of_checkout(),
        dry_run=dry_run,
    )
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def challenge(env: Env, champion: Champion = None, parent: Parent = None, data: Data = None) -> None:
    """Hold a trained model against the champion: better by the margin, at the confidence, or not."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.stages import challenge as stage

    options = stage.Options(progress=place().progress, choice=Choice(parent=parent, data=data), champion=champion)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def retrain(
    env: Env,
    reason: Annotated[str, typer.Option("--reason", help="What set it off: a schedule, drift, new data.")] = "asked",
    champion: Champion = None,
    parent: Parent = None,
    data: Data = None,
) -> None:
    """Train a challenger and register it: as a candidate if it beats the champion, else as rejected."""
    from sagemaker_gitops.build.recipe import Choice
    from sagemaker_gitops.cli import retraining
    from sagemaker_gitops.stages import challenge as stage

    options = stage.Options(progress=place().progress, choice=Choice(parent=parent, data=data), champion=champion)
    run(env, lambda settings, aws: retraining.run(settings, aws, options, reason=reason))
