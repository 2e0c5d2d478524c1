"""Runs go to SageMaker's managed MLflow: MLflow's own server behind a door that asks what SageMaker's asks.

The server is that of the lock `clients`: `make clients` installs it, and CLIENTS_VENV may name another place.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sagemaker_gitops.local.iam.policy import Access, Policy, judge
from tests.engine.experiments.conftest import runs_of
from tests.engine.policies import policies
from tests.engine.stages.conftest import Laptop
from tests.sample import ROOT

BIN = Path(os.environ.get("CLIENTS_VENV", ROOT / ".local/clients")) / "bin"
SERVER = "arn:aws:sagemaker:eu-west-1:777788889999:mlflow-tracking-server/project"
APP = "arn:aws:sagemaker:eu-west-1:777788889999:mlflow-app/app-1"
BUCKET = "loan-approval-artifacts-111111111111"
# MLflow's REST API, call by call, and the action that IAM knows it by (service authorization reference).
ACTIONS = {
    "experiments/create": "CreateExperiment",
    "experiments/get-by-name": "GetExperimentByName",
    "runs/create": "CreateRun",
    "runs/delete": "DeleteRun",
    "runs/get": "GetRun",
    "runs/log-batch": "LogBatch",
    "runs/search": "SearchRuns",
    "runs/update": "UpdateRun",
}

pytestmark = pytest.mark.skipif(not (BIN / "mlflow").exists(), reason="no MLflow server: run `make clients`")


@dataclass
class Door:
    """What the managed service puts before MLflow: a signature is asked for, a header routes.

    So many searches as `blind` says find nothing, as they would a moment before another runner's run is there.
    """

    upstream: int
    url: str = ""
    blind: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass a signed request on."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        arn = handler.headers.get("x-mlflow-sm-tracking-server-arn") or handler.headers.get("x-sm-mlflow-app-arn")
        # An app belongs to SageMaker itself, a tracking server to a service of its own.
        service = "sagemaker" if arn and ":mlflow-app/" in arn else "sagemaker-mlflow"
        if not arn or f"/{service}/aws4_request" not in handler.headers.get("Authorization", ""):
            handler.send_error(403)
            return
        path = handler.path.split("?")[0].partition("/mlflow/")[2]
        self.calls.append((arn, path))
        if path == "runs/search" and self.blind:
            self.blind -= 1
            _send(handler, 200, b"{}")
            return
        beyond = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        beyond.request(handler.command, handler.path, body, {"Content-Type": "application/json"})
        reply = beyond.getresponse()
        _send(handler, reply.status, reply.read())


def _send(handler: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Start MLflow's server and the door before it."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--port", str(port), "--workers", "1"]
    files = ["--default-artifact-root", f"s3://{BUCKET}/experiments", "--no-serve-artifacts"]
    environ = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder), "DO_NOT_TRACK": "true"}
    environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [str(BIN / "mlflow"), "server", *words, *files], env=environ, stdout=log, stderr=log, start_new_session=True
    )
    door = Door(upstream=port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            door.answer(self)

        def do_POST(self) -> None:
            door.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    front = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    door.url = f"http://127.0.0.1:{front.server_port}"
    try:
        _wait(port)
        yield door
    finally:
        front.shutdown()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def allowed(statements: Sequence[str], access: Access) -> bool:
    """Decide by the policy of the training runner, with only the named statements left in it."""
    (held,) = (item for item in policies() if item.holder == "project-train-dev" and _is_ours(item.document))
    kept = [item for item in held.statements() if item["Sid"] in statements]
    return judge([Policy(name="experiments", document={**held.document, "Statement": kept})], access) == "allowed"


def _is_ours(document: dict[str, list[dict[str, str]]]) -> bool:
    return any(item["Sid"] == "LogRuns" for item in document["Statement"])


def granted() -> set[str]:
    """Return the actions of MLflow that the policy names."""
    (held,) = (item for item in policies() if item.holder == "project-train-dev" and _is_ours(item.document))
    return {a for item in held.statements() if item["Sid"] == "LogRuns" for a in item["Action"]}


@pytest.mark.usefixtures("small")
def test_tracking_server_keeps_one_run_by_just_the_granted_calls(laptop: Laptop, door: Door) -> None:
    """Two runners log at once; SigV4 and the ARN route, files go to S3, and every grant is used and needed."""
    managed = {"PIPELINE__EXPERIMENTS__TRACKING": SERVER, "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": door.url}
    assert laptop.run("train", "--env", "dev").exit_code == 0  # the job is there, so both log at the same moment

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda _: laptop.run("train", "--env", "dev", **managed), range(2)))

    assert [json.loads(one.stdout)["annotations"] for one in told] == [[], []], told
    credentials = {name: value for name, value in laptop.environ.items() if name.startswith("AWS_")}
    found = runs_of(laptop.root, SERVER, told[0].outputs["fingerprint"], **managed, **credentials)
    used = {f"sagemaker-mlflow:{ACTIONS[path]}" for arn, path in door.calls if arn == SERVER and path in ACTIONS}
    files = laptop.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="experiments/")["Contents"]
    assert len(found) == 1
    assert {path for arn, path in door.calls if arn == SERVER} <= {*ACTIONS, "artifacts/list"}
    # A race that is not lost deletes nothing; what the loser does is asked for below.
    assert granted() - used <= {"sagemaker-mlflow:DeleteRun"}
    assert any(item["Key"].endswith("metrics.json") for item in files)
    for action in granted():
        assert allowed(["LogRuns"], Access(action=action, resource=SERVER))
        assert not allowed(["LogRuns"], Access(action=action, resource=SERVER + "-2"))
        assert not allowed(["CallTheApp", "KeepFilesOfRuns"], Access(action=action, resource=SERVER))


@pytest.mark.usefixtures("small")
def test_the_run_that_comes_second_is_deleted(laptop: Laptop, door: Door) -> None:
    """Who finds another runner's run elected deletes its own and adds to the elected one."""
    managed = {"PIPELINE__EXPERIMENTS__TRACKING": SERVER, "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": door.url}
    mark = laptop.run("train", "--env", "dev", **managed).outputs["fingerprint"]
    credentials = {name: value for name, value in laptop.environ.items() if name.startswith("AWS_")}
    (first,) = runs_of(laptop.root, SERVER, mark, **managed, **credentials)
    door.blind = 1

    again = laptop.run("train", "--env", "dev", **managed)

    (left,) = runs_of(laptop.root, SERVER, mark, **managed, **credentials)
    assert json.loads(again.stdout)["annotations"] == []
    assert left["info"]["run_id"] == first["info"]["run_id"]
    assert (SERVER, "runs/delete") in door.calls


@pytest.mark.usefixtures("small")
def test_app_is_called_by_its_one_action(laptop: Laptop, door: Door) -> None:
    """An MLflow app has one action for all of its interface."""
    managed = {"PIPELINE__EXPERIMENTS__TRACKING": APP, "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": door.url}

    told = laptop.run("train", "--env", "dev", **managed)

    assert json.loads(told.stdout)["annotations"] == []
    assert any(arn == APP for arn, _ in door.calls)
    assert allowed(["CallTheApp"], Access(action="sagemaker:CallMlflowAppApi", resource=APP))
    assert not allowed(["LogRuns", "KeepFilesOfRuns"], Access(action="sagemaker:CallMlflowAppApi", resource=APP))
