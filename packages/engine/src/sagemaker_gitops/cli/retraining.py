"""retrain: one command from a trigger to a version that may replace the champion, or is rejected with evidence."""

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.cli.running import commit_of_checkout, place
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import challenge as challenge_stage
from sagemaker_gitops.stages import register as register_stage
from sagemaker_gitops.stages import test as test_stage
from sagemaker_gitops.stages import train as train_stage
from sagemaker_gitops.stages.result import StageResult


def run(settings: Settings, aws: Aws, options: challenge_stage.Options, *, reason: str) -> StageResult:
    """Train, compare with the champion, and register what came of it."""
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
