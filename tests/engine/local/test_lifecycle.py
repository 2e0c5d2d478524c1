"""Up, down, restart: nothing is lost and nothing is left running."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.server import process
from sagemaker_gitops.local.server.cli import main
from sagemaker_gitops.local.server.folder import Folder
from tests.engine.local.harness import BUCKET, PROJECT_ROOT, ROLE, LocalAws, eventually, options, prepare, put_images


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Return a state folder with images; whatever runs there is stopped afterwards."""
    folder = Folder(tmp_path / "state")
    put_images(folder)
    yield folder
    process.stop_server(folder)


def start(folder: Folder) -> LocalAws:
    """Start a local AWS on a folder."""
    return LocalAws(process.start_server(options(folder), PROJECT_ROOT), folder)


def serving(folder: Folder) -> list[int]:
    """Return the ids of the running containers."""
    pids = [json.loads(note.read_text())["pid"] for note in folder.processes.glob("*.json")]
    return [pid for pid in pids if alive(pid)]


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_restart_brings_everything_back(folder: Folder) -> None:
    """Resources, objects with their versions, metrics, weights, and the endpoint itself."""
    aws = start(folder)
    prepare(aws)
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key="versioned", Body=b"1")["VersionId"]
    name = aws.endpoint(aws.config(aws.model("1"), aws.model("2")))
    weights = [{"VariantName": "v1", "DesiredWeight": 0.0}]
    aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
    aws.settled(name)
    aws.invoke(name)
    job = aws.train(HyperParameters={"sleep": "30"})
    key = aws.session(ROLE, "shell")

    process.stop_server(folder)
    again = start(folder)

    assert again.client("s3").get_object(Bucket=BUCKET, Key="versioned", VersionId=version)["Body"].read() == b"1"
    described = again.settled(name)
    assert [v["CurrentWeight"] for v in described["ProductionVariants"]] == [0.0, 1.0]
    assert {again.invoke(name)["Body"]["version"] for _ in range(5)} == {"2"}
    interrupted = again.sagemaker.describe_training_job(TrainingJobName=job)
    assert interrupted["TrainingJobStatus"] == "Failed"
    metrics = again.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="Invocations")["Metrics"]
    assert {"Name": "EndpointName", "Value": name} in metrics[0]["Dimensions"]
    assert "assumed-role/demo-sagemaker/shell" in again.client("sts", key=key).get_caller_identity()["Arn"]


def test_down_leaves_nothing_running(folder: Folder) -> None:
    """Server and containers are gone; a second down says that there was nothing."""
    aws = start(folder)
    prepare(aws)
    aws.endpoint(aws.config(aws.model(), aws.model()))
    before = [aws.running.pid, *serving(folder)]

    stopped = process.stop_server(folder)

    assert len(before) == 3
    assert not [pid for pid in before if alive(pid)]
    assert stopped
    assert not process.stop_server(folder)
    assert process.find_server(folder) is None


def test_a_killed_server_leaves_nothing_after_down(folder: Folder) -> None:
    """Even when the server had no chance to clean up."""
    aws = start(folder)
    prepare(aws)
    aws.endpoint(aws.config(aws.model()))
    containers = serving(folder)

    os.kill(aws.running.pid, signal.SIGKILL)
    eventually(lambda: process.find_server(folder), lambda running: running is None)
    process.stop_server(folder)

    assert len(containers) == 1
    eventually(lambda: [pid for pid in containers if alive(pid)], lambda left: not left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_foreground(folder: Folder, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the server and its containers, with exit code 0."""
    command = [sys.executable, "-m", "sagemaker_gitops.local", *process.serve_arguments(options(folder))]
    server = subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL)
    running = eventually(lambda: process.find_server(folder), lambda found: found is not None)
    assert running is not None
    aws = LocalAws(running, folder)
    prepare(aws)
    aws.endpoint(aws.config(aws.model()))
    containers = serving(folder)

    server.send_signal(number)

    assert server.wait(300) == 0
    assert containers
    assert not [pid for pid in containers if alive(pid)]


def test_several_ups_at_once_start_one_server(folder: Folder) -> None:
    """Whoever comes second finds the first's, and the foreground says that one runs."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: process.start_server(options(folder), PROJECT_ROOT), range(3)))

    with pytest.raises(ConfigurationError, match="runs already"):
        main(["--state", str(folder.root), "up", "--foreground"], PROJECT_ROOT)

    assert len(set(found)) == 1


def test_commands(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Up prints exports, status tells, env repeats, down stops."""
    state = ["--state", str(folder.root)]

    assert main([*state, "status"], PROJECT_ROOT) == 1
    assert main([*state, "up"], PROJECT_ROOT) == 0
    up = capsys.readouterr().out
    assert main([*state, "env"], PROJECT_ROOT) == 0
    env = capsys.readouterr().out
    assert main([*state, "status"], PROJECT_ROOT) == 0
    assert main([*state, "fault", "throttle", "--rate", "0.5", "--operation", "UpdateEndpoint"], PROJECT_ROOT) == 0
    assert "throttle: 50% of UpdateEndpoint" in capsys.readouterr().out
    assert main([*state, "down"], PROJECT_ROOT) == 0

    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in up
    assert up.endswith(env)


def test_env_of_an_account_and_of_a_role(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    """The exports make a shell that account's user, or that role, each time the same user."""
    state = ["--state", str(aws.folder.root)]

    def identity(*words: str) -> str:
        capsys.readouterr()
        assert main([*state, "env", *words], PROJECT_ROOT) == 0
        exports = dict(line.removeprefix("export ").split("=", 1) for line in capsys.readouterr().out.splitlines())
        sts = aws.client("sts", key=exports["AWS_ACCESS_KEY_ID"], token=exports.get("AWS_SESSION_TOKEN"))
        return f"{exports['AWS_ACCESS_KEY_ID']} {sts.get_caller_identity()['Arn']}"

    assert identity("--account", "222233334444").endswith("arn:aws:iam::222233334444:user/laptop")
    assert identity("--account", "222233334444") == identity("--account", "222233334444")
    assert identity("--role", ROLE).endswith(":assumed-role/demo-sagemaker/laptop")


def test_env_without_a_server_says_what_to_do(folder: Folder) -> None:
    """The error names the next step."""
    with pytest.raises(ConfigurationError) as caught:
        main(["--state", str(folder.root), "env"], PROJECT_ROOT)

    assert caught.value.next_step == "pipeline local up"


def test_a_server_that_cannot_start_says_where_to_look(folder: Folder) -> None:
    """A broken state folder is an error with the log's place, not a wait for ever."""
    folder.database.parent.mkdir(parents=True, exist_ok=True)
    folder.database.write_text("this is no database, and long enough to be looked at as one" * 20)

    with pytest.raises(ConfigurationError) as caught:
        process.start_server(options(folder), PROJECT_ROOT)

    assert caught.value.where == str(folder.log)
