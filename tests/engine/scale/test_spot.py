"""Training on capacity that is taken back, and on several machines: the same model in the end."""

import json
import re
import subprocess
import sys
import time

from tests.engine.stages.conftest import Laptop, surroundings

SPOT = {"PIPELINE__TRAINING__SPOT__MAX_WAIT_SECONDS": "7200"}
BUCKET = "loan-approval-artifacts-111111111111"


def forget(laptop: Laptop, job: str) -> None:
    """Delete a model and its checkpoints, as if nobody had trained it."""
    s3 = laptop.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"models/{job}/").get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])


def interrupted(laptop: Laptop, name: str) -> bool:
    """Tell whether a job has lost its capacity."""
    sagemaker = laptop.client("sagemaker")
    listed = sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    if not listed:
        return False
    job = sagemaker.describe_training_job(TrainingJobName=listed[-1]["TrainingJobName"])
    return any(step["Status"] == "Interrupted" for step in job["SecondaryStatusTransitions"])


def test_interrupted_training_ends_in_the_same_model(laptop: Laptop) -> None:
    """It goes on from its checkpoint; the bytes are those of a training that nobody interrupted."""
    laptop.set_hyperparameters(n_estimators="1500", seed="11")
    assert laptop.run("local", "fault", "spot-interruption").exit_code == 0
    command = [sys.executable, "-m", "sagemaker_gitops", "--json", "train", "--env", "dev"]
    environ = {**surroundings(), **laptop.environ, **SPOT}
    training = subprocess.Popen(command, cwd=laptop.root, env=environ, stdout=subprocess.PIPE, text=True)
    while training.poll() is None and not interrupted(laptop, "loan-approval-"):
        time.sleep(0.1)
    assert laptop.run("local", "fault", "clear").exit_code == 0

    told = json.loads(training.communicate(timeout=300)[0])
    outputs = told["outputs"]
    streams = laptop.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=outputs["training_job"]
    )["logStreams"]
    forget(laptop, outputs["training_job"])
    again = laptop.run("train", "--env", "dev")

    assert "on spot capacity" in told["summary"]
    assert int(re.findall(r"(\d+) times interrupted", told["summary"])[0]) >= 1
    assert len(streams) >= 2
    assert again.outputs["fingerprint"] == outputs["fingerprint"]
    assert again.outputs["training_job"] != outputs["training_job"]
    assert again.outputs["model_file_sha256"] == outputs["model_file_sha256"]


def test_where_it_is_trained_does_not_determine_the_model(laptop: Laptop) -> None:
    """Two machines, of which one has nothing to do, and spot capacity find the model that is there."""
    laptop.set_hyperparameters(n_estimators="3", seed="12")
    two = laptop.run("train", "--env", "dev", PIPELINE__TRAINING__INSTANCE_COUNT="2")
    jobs = laptop.training_jobs()

    one = laptop.run("train", "--env", "dev", **SPOT)

    logs = laptop.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    job = two.outputs["training_job"]
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-2")["logStreams"]
    (line,) = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert (one.outputs["cached"], laptop.training_jobs()) == ("true", jobs)
    assert line["message"] == "algo-2 has nothing to do: algo-1 trains alone"


def test_wait_that_is_shorter_than_the_run_is_refused(laptop: Laptop) -> None:
    """The error names both settings."""
    told = laptop.run("train", "--env", "dev", PIPELINE__TRAINING__SPOT__MAX_WAIT_SECONDS="600")

    assert told.exit_code == 2
    assert "spot.max_wait_seconds = 600" in told.stderr
    assert "max_runtime_seconds = 3600" in told.stderr
