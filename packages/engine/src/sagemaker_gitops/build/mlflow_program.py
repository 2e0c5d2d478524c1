"""Logs one run to MLflow. It runs in MLflow's own environment; `client` starts it.

Reads a JSON request from stdin and prints a JSON answer. A run is known by its tag `fingerprint`: it is created
once, and every further request adds to it.
"""

import fcntl
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

_TAG = "fingerprint"


def main(request: Mapping[str, Any]) -> dict[str, Any]:
    """Find or create the run, and log to it what it does not hold yet."""
    # SageMaker's plugin reads its ARN from here alone, whatever URI a client is given.
    mlflow.set_tracking_uri(request["tracking"])
    client = MlflowClient()
    with _alone(request["tracking"]):
        experiment = _experiment(client, request)
        run, created = _run(client, experiment, request)
        _log(client, run, request)
    return {"experiment_id": experiment.experiment_id, "run_id": run.info.run_id, "created": created}


def _experiment(client: MlflowClient, request: Mapping[str, Any]) -> Experiment:
    name = request["experiment"]
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            client.create_experiment(name, artifact_location=request["artifacts"])
        except MlflowException as error:
            # Another run of ours was faster.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
    if found is None:
        raise MlflowException(f"experiment {name} cannot be found after its creation")
    return found


def _run(client: MlflowClient, experiment: Experiment, request: Mapping[str, Any]) -> tuple[Run, bool]:
    known = client.search_runs(
        [experiment.experiment_id], f"tags.{_TAG} = '{request['fingerprint']}'", order_by=["attributes.start_time ASC"]
    )
    elected = request.get("elected")
    kept = next((run for run in known if run.info.run_id == elected), None) or (known[0] if known else None)
    if kept is None:
        tags = {_TAG: request["fingerprint"], **request["tags"]}
        return client.create_run(experiment.experiment_id, tags=tags, run_name=request["run_name"]), True
    if elected == kept.info.run_id:
        for other in known:
            if other.info.run_id == request.get("rejected"):
                client.delete_run(other.info.run_id)
    return kept, False


def _log(client: MlflowClient, run: Run, request: Mapping[str, Any]) -> None:
    held = run.data
    params = [Param(name, value) for name, value in request["params"].items() if name not in held.params]
    metrics = [
        # One value a metric: MLflow would keep a second one as a history that is none.
        Metric(name, value, run.info.start_time, 0)
        for name, value in request["metrics"].items()
        if held.metrics.get(name) != value
    ]
    tags = [RunTag(name, value) for name, value in request["tags"].items() if held.tags.get(name) != value]
    if params or metrics or tags:
        client.log_batch(run.info.run_id, metrics=metrics, params=params, tags=tags)
    for path in request["files"]:
        client.log_artifact(run.info.run_id, path)
    if run.info.status != "FINISHED":
        client.set_terminated(run.info.run_id, "FINISHED")


@contextmanager
def _alone(tracking: str) -> Iterator[None]:
    """Let one process of this machine at a time into a SQLite file; a server needs no such care."""
    if not tracking.startswith("sqlite:///"):
        yield
        return
    path = Path(tracking.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    # MLflow prints links for people, where only the answer belongs.
    with redirect_stdout(sys.stderr):
        try:
            answer = main(json.load(sys.stdin))
        except MlflowException as error:
            # A server's page is many lines; the reason is told in one.
            sys.exit(" ".join(str(error).split()))
    json.dump(answer, sys.stdout)
