"""Retraining: one command from a trigger to a version that may replace the champion, or is rejected with evidence."""

from typing import Annotated

import typer

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build.recipe import Choice
from sagemaker_gitops.cli.building import Data, Env, Parent, commit_of_checkout
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import challenge as challenge_stage
from sagemaker_gitops.stages import register as register_stage
from sagemaker_gitops.stages import test as test_stage
from sagemaker_gitops.stages import train as train_stage
from sagemaker_gitops.stages.result import StageResult

app = typer.Typer()


Champion = Annotated[
    int | None, typer.Option("--champion", min=1, help="The version to beat; the one that serves if not given.")
]


@app.command()
def challenge(env: Env, champion: Champion = None, parent: Parent = None, data: Data = None) -> None:
    """Hold a trained model against the champion: better by the margin, at the confidence, or not."""
    options = challenge_stage.Options(
        progress=place().progress, choice=Choice(parent=parent, data=data), champion=champion
    )
    run(env, lambda settings, aws: challenge_stage.run(settings, aws, options))


@app.command()
def retrain(
    env: Env,
    reason: Annotated[str, typer.Option("--reason", help="What set it off: a schedule, drift, new data.")] = "asked",
    champion: Champion = None,
    parent: Parent = None,
    data: Data = None,
) -> None:
    """Train a challenger and register it: as a candidate if it beats the champion, else as rejected."""
    choice = Choice(parent=parent, data=data)
    options = challenge_stage.Options(progress=place().progress, choice=choice, champion=champion)
    run(env, lambda settings, aws: _retrain(settings, aws, options, reason=reason))


def _retrain(settings: Settings, aws: Aws, options: challenge_stage.Options, *, reason: str) -> StageResult:
    choice, progress = options.choice, place().progress
    progress(f"retraining: {reason}")
    trained = train_stage.run(settings, aws, train_stage.Options(progress=progress, choice=choice))
    mark = trained.outputs["fingerprint"]
    challenged = challenge_stage.run(settings, aws, options)
    outcome = challenged.outputs["challenge"]
    stages = [trained, challenged]
    if outcome in ("won", "unopposed"):
        stages.append(
            test_stage.run(settings, aws, test_stage.Options(progress=progress, fingerprint=mark, choice=choice))
        )
    if outcome != "unchanged":
        entry = register_stage.Options(
            commit=commit_of_checkout(),
            fingerprint=mark,
            choice=choice,
            challenged=outcome != "unopposed",
            reason=reason,
        )
        stages.append(register_stage.run(settings, aws, entry))
    return StageResult(
        summary="\n\n".join([f"## retrain\nBecause: {reason}.", *(stage.summary for stage in stages)]),
        outputs={name: value for stage in stages for name, value in stage.outputs.items()},
        annotations=tuple(remark for stage in stages for remark in stage.annotations),
    )
