"""The embedded AWS trains and serves in containers, by one switch."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.containers.docker import Docker, Done


@dataclass(frozen=True, kw_only=True)
class Laptop:
    """A generated project on a machine that has Docker."""

    project: Path
    environment: dict[str, str]

    def __call__(self, *words: str) -> Done:
        """Run one command of the pipeline."""
        return subprocess.run(
            [self.project / ".venv/bin/python", "-m", "sagemaker_gitops", *words],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def laptop(docker: Docker, installed: Path) -> Iterator[Laptop]:
    """Start the embedded AWS with dev's stacks, and have Docker build the images."""
    bare = Laptop(project=installed, environment={**os.environ, **docker.environment})
    exports = [line.removeprefix("export ") for line in bare("local", "up").stdout.splitlines()]
    ready = replace(bare, environment={**bare.environment, **dict(line.split("=", 1) for line in exports)})
    try:
        made = ready("bootstrap", "aws", "--env", "dev", "--yes")
        assert made.returncode == 0, made.stderr
        options = _paired(docker.build_arguments)
        built = ready("local", "image", "--docker", *(f"--build-option={option}" for option in options))
        assert built.returncode == 0, built.stderr
        yield ready
    finally:
        bare("local", "down")


def _paired(words: tuple[str, ...]) -> list[str]:
    return [f"{name}={value}" for name, value in zip(words[::2], words[1::2], strict=True)]


@pytest.fixture(scope="module")
def serving(laptop: Laptop) -> Laptop:
    """Bring a first release to dev."""
    for words in (("train",), ("test",), ("register",), ("deploy", "--version", "1")):
        told = laptop(words[0], "--env", "dev", *words[1:])
        assert told.returncode == 0, told.stderr
    return laptop


def _containers(docker: Docker) -> list[str]:
    shown = docker("ps", "--filter", "name=local-aws-", "--format", "{{.Names}} {{.Image}}").stdout
    return shown.splitlines()


def test_release_is_served_by_a_container(serving: Laptop, docker: Docker) -> None:
    """The same stages, with Docker's containers where processes were."""
    [running] = _containers(docker)

    verified = serving("--json", "verify", "--env", "dev", "--version", "1")

    assert "-inference:" in running
    assert verified.returncode == 0, verified.stderr
    assert float(json.loads(verified.stdout)["outputs"]["p50_ms"]) > 0


# What a caller does, in the project's own environment: the whole data set twice, as JSON and as Arrow.
CALLER = """
import csv, io, json, sys
import boto3, pyarrow
features = json.load(open("model/config/schema.json"))["features"]
number = {f["name"]: f["type"] == "number" for f in features}
rows = [{n: float(r[n]) if number[n] else r[n] for n in number} for r in csv.DictReader(open("data/hmda.csv"))]
client = boto3.client("sagemaker-runtime")
def ask(body, kind):
    answer = client.invoke_endpoint(EndpointName=sys.argv[1], Body=body, ContentType=kind)
    return len(json.load(answer["Body"])["predictions"])
table = pyarrow.Table.from_pylist(rows)
sink = io.BytesIO()
with pyarrow.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
body = json.dumps({"instances": rows}).encode()
print(ask(body, "application/json") + ask(sink.getvalue(), "application/vnd.apache.arrow.stream"))
"""
IN_A_JOB = {"PIPELINE__MONITOR__PROCESSING__ABOVE_MEBIBYTES": "1"}


def _monitored(laptop: Laptop, since: datetime, **variables: str) -> dict[str, Any]:
    """Judge the traffic since then, and return what the report counts."""
    window = f"{since:%Y-%m-%dT%H:%M:%S}/{datetime.now(UTC) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}"
    told = replace(laptop, environment={**laptop.environment, **variables})(
        "monitor", "--env", "dev", "--window", window
    )
    # 0 and 40: as traffic should be, and drift.
    assert told.returncode in {0, 40}, told.stderr
    record = json.loads((laptop.project / "reports/monitor/run.json").read_text(encoding="utf-8"))
    return {name: record[name] for name in ("rows", "releases", "outcome", "psi", "violations")}


def test_processing_job_runs_in_a_container(serving: Laptop) -> None:
    """A large window is read in the serving image, Arrow bodies included, with the answer of this machine."""
    began = datetime.now(UTC) - timedelta(seconds=1)
    python, project = serving.project / ".venv/bin/python", "mortgage-decisions"
    asked = subprocess.run(
        [python, "-c", CALLER, f"{project}-dev"],
        cwd=serving.project,
        env=serving.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    here = _monitored(serving, began)

    in_a_job = _monitored(serving, began, **IN_A_JOB)

    assert here == in_a_job
    assert here["rows"] == int(asked.stdout)
    calls = (serving.project / ".local/calls.jsonl").read_text(encoding="utf-8")
    assert calls.count('"CreateProcessingJob"') == 1


def test_killed_container_is_replaced(serving: Laptop, docker: Docker) -> None:
    """A container that dies is started anew, as SageMaker does."""
    [before] = _containers(docker)

    docker("kill", before.split()[0])

    deadline = time.monotonic() + 60
    while (after := _containers(docker)) in ([], [before]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(after) == 1
    assert after != [before]


def test_nothing_stays_when_the_aws_stops(serving: Laptop, docker: Docker) -> None:
    """Containers end with the AWS that started them."""
    assert len(_containers(docker)) == 1

    serving("local", "down")

    assert _containers(docker) == []
