"""A search for hyperparameters ends in a proposal, and a commit of it in a model."""

import json

from sagemaker_gitops.errors import ConfigurationError, TuningFailed
from tests.engine.stages.conftest import Laptop

SMALL = {
    "metric": "validation:roc_auc",
    "objective": "Maximize",
    "jobs": 3,
    "parallel": 2,
    "ranges": {
        "n_estimators": {"minimum": 2, "maximum": 40, "integer": True},
        "learning_rate": {"minimum": 0.05, "maximum": 0.3, "scale": "Logarithmic"},
        "max_depth": {"values": ["2", "3"]},
    },
}


def search(laptop: Laptop, **changes: object) -> None:
    """Say what to tune, as a commit would."""
    (laptop.root / "model/config/tuning.json").write_text(json.dumps({**SMALL, **changes}))


def test_best_trial_becomes_a_proposal_and_then_a_commit(laptop: Laptop) -> None:
    """Cross-validated on the training rows; the search is made once, and its outcome trains as any commit does."""
    search(laptop)
    path = laptop.root / "model/config/hyperparameters.json"
    before = json.loads(path.read_text())
    told = laptop.run("tune", "--env", "dev")
    proposal = json.loads((laptop.root / told.outputs["proposal"]).read_text())
    jobs = laptop.training_jobs()
    unchanged = json.loads(path.read_text())

    again = laptop.run("tune", "--env", "dev", "--write")

    sagemaker = laptop.client("sagemaker")
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=told.outputs["tuning_job"]
    )["TrainingJobSummaries"]
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]
    best = next(t for t in trials if t["TrainingJobName"] == told.outputs["best_training_job"])
    assert (told.exit_code, len(trials), jobs) == (0, 3, laptop.training_jobs())
    assert float(told.outputs["best_value"]) == max(values)
    assert unchanged == before
    assert proposal == {**before, **best["TunedHyperParameters"]}
    assert (again.outputs["cached"], json.loads(path.read_text())) == ("true", proposal)
    assert laptop.run("train", "--env", "dev").exit_code == 0


def test_search_whose_metric_nobody_prints_fails(laptop: Laptop) -> None:
    """The error names the file, and the next search is another job."""
    search(laptop, metric="validation:profit", jobs=1)

    told = laptop.run("tune", "--env", "dev")
    again = laptop.run("tune", "--env", "dev")

    assert told.exit_code == again.exit_code == TuningFailed.exit_code
    assert "no training job printed the objective metric" in told.stderr
    assert "-2 ended as Failed" in again.stderr


def test_hyperparameter_that_the_model_has_not_is_refused(laptop: Laptop) -> None:
    """Nothing is started."""
    search(laptop, ranges={"depth": {"minimum": 1, "maximum": 2}})

    told = laptop.run("tune", "--env", "dev")

    assert told.exit_code == ConfigurationError.exit_code
    assert "no hyperparameter depth" in told.stderr
