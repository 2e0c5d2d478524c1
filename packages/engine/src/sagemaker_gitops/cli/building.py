"""Commands that build a model, each part of it once: images, training, gates, registration."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.build.recipe import Choice
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project import git
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.stages import explain as explain_stage
from sagemaker_gitops.stages import image as image_stage
from sagemaker_gitops.stages import register as register_stage
from sagemaker_gitops.stages import test as test_stage
from sagemaker_gitops.stages import train as train_stage

app = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Digest = Annotated[str | None, typer.Option("--fingerprint", help="Refuse to run unless the checkout determines this.")]
Parent = Annotated[int | None, typer.Option("--from", min=1, help="Continue from this registered version.")]
Data = Annotated[str | None, typer.Option("--data", help="A stored data version, instead of the checkout's data.")]
Verify = Annotated[bool, typer.Option("--verify", help="Read all data again, also what seems unchanged.")]


@app.command()
def image(env: Env) -> None:
    """Build and push this commit's containers, unless their content is there."""
    options = image_stage.Options(commit=commit_of_checkout(), progress=place().progress)
    run(env, lambda settings, aws: image_stage.run(settings, aws, options))


@app.command()
def train(env: Env, parent: Parent = None, data: Data = None, *, verify: Verify = False) -> None:
    """Find the model that this commit determines, or run the training job that makes it."""
    choice = Choice(parent=parent, data=data)
    options = train_stage.Options(progress=place().progress, choice=choice, verify=verify)
    run(env, lambda settings, aws: train_stage.run(settings, aws, options))


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
    options = explain_stage.Options(version=version, choice=Choice(parent=parent, data=data), verify=verify)
    run(env, lambda settings, aws: explain_stage.run(settings, aws, options))


@app.command()
def test(env: Env, fingerprint: Digest = None, parent: Parent = None, data: Data = None) -> None:
    """Hold the trained model against every mark; a missed mark stops here."""
    options = test_stage.Options(
        progress=place().progress, fingerprint=fingerprint, choice=Choice(parent=parent, data=data)
    )
    run(env, lambda settings, aws: test_stage.run(settings, aws, options))


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
    choice = Choice(parent=parent, data=data)
    options = register_stage.Options(
        fingerprint=fingerprint, commit=commit or commit_of_checkout(), choice=choice, attestation=attestation
    )
    run(env, lambda settings, aws: register_stage.run(settings, aws, options))


def commit_of_checkout() -> str:
    """Name the commit that is being built."""
    return os.environ.get("GITHUB_SHA") or git.head(Path.cwd()) or "uncommitted"
