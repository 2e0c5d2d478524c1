"""A large window is read by a processing job, on one instance or two, with the answer of one process."""

import csv
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.engine.stages.conftest import Laptop

pytestmark = pytest.mark.acceptance
LARGE = {
    "PIPELINE__MONITOR__PROCESSING__ABOVE_MEBIBYTES": "1",
    "PIPELINE__MONITOR__PROCESSING__MEBIBYTES_PER_INSTANCE": "1",
}


@pytest.fixture(scope="module")
def window(laptop: Laptop) -> str:
    """Serve a model, send it shifted applications, and return the hour in which it answered them."""
    told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
    told.append(laptop.run("deploy", "--env", "dev", "--version", told[-1].outputs["version"]))
    assert [one.exit_code for one in told] == [0, 0, 0, 0], told[-1].stderr
    client = laptop.client("sagemaker-runtime")

    def ask(row: Mapping[str, object]) -> int:
        body = json.dumps({"instances": [row]})
        answer = client.invoke_endpoint(EndpointName="loan-approval-dev", Body=body, ContentType="application/json")
        status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
        return status

    began = datetime.now(UTC)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, _applications(laptop))) == {200}
    end = datetime.now(UTC) + timedelta(minutes=1)
    return f"{began:%Y-%m-%dT%H:%M:%S}/{end:%Y-%m-%dT%H:%M:%S}"


def _applications(laptop: Laptop) -> list[dict[str, object]]:
    """Read the sample applications, their payments a third higher than they were."""
    features = json.loads((laptop.root / "model/config/schema.json").read_text())["features"]
    with (laptop.root / "data/hmda.csv").open() as file:
        return [{f["name"]: _value(f, row[f["name"]]) for f in features} for row in csv.DictReader(file)]


def _value(feature: Mapping[str, str], text: str) -> object:
    if feature["type"] != "number":
        return text
    if text in {"", "NA"}:
        return None
    return float(text) * (1.33 if feature["name"] == "pirat" else 1)


def _judged(laptop: Laptop, window: str, **variables: str) -> dict[str, Any]:
    told = laptop.run("monitor", "--env", "dev", "--window", window, **variables)
    assert told.exit_code == 40, told.stderr
    record: dict[str, Any] = json.loads((laptop.root / "reports/monitor/run.json").read_text())
    return {name: record[name] for name in ("rows", "releases", "outcome", "reason", "psi", "violations")}


def _jobs(laptop: Laptop) -> list[int]:
    sagemaker = laptop.client("sagemaker")
    names = [item["ProcessingJobName"] for item in sagemaker.list_processing_jobs()["ProcessingJobSummaries"]]
    described = (sagemaker.describe_processing_job(ProcessingJobName=name) for name in names)
    return sorted(job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] for job in described)


def test_one_process_one_instance_and_two_agree(laptop: Laptop, window: str) -> None:
    """Rows, distances and violations are the same to the last digit, however the window was shared out."""
    here = _judged(laptop, window)
    jobs = _jobs(laptop)

    one = _judged(laptop, window, **LARGE, PIPELINE__MONITOR__PROCESSING__MAXIMUM_INSTANCES="1")
    two = _judged(laptop, window, **LARGE, PIPELINE__MONITOR__PROCESSING__MAXIMUM_INSTANCES="2")

    assert (jobs, _jobs(laptop)) == ([], [1, 2])
    assert here["rows"] == 2380
    assert {item["feature"] for item in here["violations"]} >= {"pirat"}
    assert here == one == two
