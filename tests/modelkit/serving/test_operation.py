"""How the server lives: workers, back-pressure, deadlines, and a graceful end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import Instance
from sagemaker_gitops_modelkit.gates.server import SERVE, Caller, Reply, Server
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from tests.modelkit.serving.conftest import Start


@pytest.fixture(scope="session")
def large(data_dir: Path, schema: Schema) -> bytes:
    """Return a request that takes tens of milliseconds."""
    return payloads.json_rows(payloads.instances(data_dir, schema, 10_000))


def _invoke(server: Server, body: bytes) -> Reply:
    with server.caller() as caller:
        return caller.invoke(body)


def test_full_queue_says_when_to_come_back(start: Start, large: bytes, rows: list[Instance]) -> None:
    """Beyond its queue the server refuses at once, with 503 and Retry-After, and goes on answering."""
    server = start(SERVE_QUEUE_REQUESTS="2")

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: _invoke(server, large), range(12)))

    statuses = Counter(reply.status for reply in replies)
    refused = [reply for reply in replies if reply.status == 503]
    assert set(statuses) == {200, 503}
    assert all(reply.headers["retry-after"] == "1" for reply in refused)
    assert all(reply.json["type"] == "urn:problem-type:overloaded" for reply in refused)
    assert _invoke(server, payloads.json_rows(rows)).status == 200


def test_waiting_bytes_are_bounded(start: Start, large: bytes) -> None:
    """A few large requests fill the queue as many small ones do."""
    server = start(SERVE_QUEUE_BYTES=str(len(large) * 2))

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(reply.status for reply in pool.map(lambda _: _invoke(server, large), range(8)))

    assert statuses[200] >= 1
    assert statuses[503] >= 1


def test_small_requests_pass_large_ones(start: Start, large: bytes, rows: list[Instance]) -> None:
    """While large batches wait for their turn, single rows and pings are answered."""
    server = start()
    small = payloads.json_rows(rows[:1])

    with ThreadPoolExecutor(6) as pool, server.caller() as caller:
        batches = [pool.submit(_invoke, server, large) for _ in range(6)]
        answered = 0
        while not all(batch.done() for batch in batches):
            answered += caller.invoke(small).status == 200 and caller.ask("GET", "/ping").status == 200

    assert answered > 3
    assert {batch.result().status for batch in batches} == {200}


def test_request_beyond_its_deadline_is_given_up(start: Start, large: bytes) -> None:
    """An answer nobody waits for any more is not computed."""
    server = start(SERVE_DEADLINE_SECONDS="0.01")

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: _invoke(server, large), range(6)))

    late = [reply for reply in replies if reply.status == 503]
    assert late
    assert "waited longer than 0.01 s" in late[-1].json["detail"]


def test_batch_beyond_the_limit_is_refused(start: Start, rows: list[Instance]) -> None:
    """Rows are limited apart from bytes, in every form."""
    server = start(SERVE_MAX_ROWS="10")
    eleven = rows[:11]
    bodies = [
        (payloads.json_rows(eleven), "application/json"),
        (payloads.json_columns(eleven), "application/json"),
        (payloads.csv_rows(eleven, header=False), "text/csv"),
    ]

    with server.caller() as caller:
        assert [caller.invoke(*body).status for body in bodies] == [413] * 3
        assert caller.invoke(payloads.json_rows(rows[:10])).status == 200


def test_requests_in_flight_are_finished(start: Start, large: bytes) -> None:
    """SIGTERM: accepted requests get their answers, then the process ends with 0."""
    server = start()

    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(_invoke, server, large) for _ in range(4)]
        _wait_for_load(server)
        code = server.stop()

    assert [reply.result().status for reply in replies] == [200] * 4
    assert code == 0


def _wait_for_load(server: Server) -> None:
    """Return when the server has been computing for a moment."""
    process = psutil.Process(server.process.pid)
    begun = process.cpu_times().user
    while process.cpu_times().user - begun < 0.02:
        time.sleep(0.002)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_sigterm_ends_every_worker(workers: str, start: Start, rows: list[Instance]) -> None:
    """No process is left behind, idle connections or not."""
    server = start(SAGEMAKER_MODEL_SERVER_WORKERS=workers)
    processes = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children()]

    with server.caller() as idle:
        idle.invoke(payloads.json_rows(rows))
        code = server.stop()

    assert code == 0
    assert len(processes) == (1 if workers == "1" else 4)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("age", [0.05, 0.15, 0.2, 0.25, 0.3, 0.4])
def test_sigterm_during_the_start_is_not_lost(age: float, workers: str, model_dir: Path, tmp_path: Path) -> None:
    """A container that is stopped while it starts ends as soon as one that serves."""
    server = Server(model_dir, tmp_path, {"SAGEMAKER_MODEL_SERVER_WORKERS": workers})
    time.sleep(age)

    begun = time.monotonic()
    code = server.stop()

    assert code in {0, -signal.SIGTERM}
    assert time.monotonic() - begun < 5


def test_dead_worker_is_replaced(start: Start, rows: list[Instance]) -> None:
    """A killed worker's place is taken, and the others go on."""
    server = start(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    parent = psutil.Process(server.process.pid)
    victim = parent.children()[0]

    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    answered = _invoke(server, payloads.json_rows(rows)).status
    deadline = time.monotonic() + 10
    while len(parent.children()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert answered == 200
    assert len(parent.children()) == 2
    assert server.stop() == 0


def test_workers_write_whole_lines(start: Start, rows: list[Instance]) -> None:
    """Lines of several processes in one stream stay apart, one a request."""
    server = start(SAGEMAKER_MODEL_SERVER_WORKERS="3")
    ids = [f"request-{number}" for number in range(300)]

    def ask(part: int) -> None:
        for inference_id in ids[part::6]:
            with server.caller() as caller:
                caller.invoke(payloads.json_rows(rows[:1]), X_Amzn_SageMaker_Inference_Id=inference_id)

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.stop()

    written = [line["inference_id"] for line in server.lines if line["event"] == "prediction"]
    assert sorted(written) == sorted(ids)


def test_every_request_leaves_one_line(start: Start, rows: list[Instance]) -> None:
    """The line says which model answered what, without the input itself."""
    server = start(MODEL_VARIANT="v7-abababab")
    with server.caller() as caller:
        caller.invoke(payloads.json_rows(rows[:5]), X_Amzn_SageMaker_Inference_Id="good", Traceparent="00-1-2-01")
        caller.invoke(b"{", X_Amzn_SageMaker_Inference_Id="bad")
    server.stop()

    good, bad = (line for line in server.lines if line["event"] in {"prediction", "refusal"})
    assert {"model_version": "7", "fingerprint": "ab" * 32, "variant": "v7-abababab", "rows": 5}.items() <= good.items()
    assert good["inference_id"] == "good"
    assert good["trace"] == "00-1-2-01"
    assert sum(good["labels"].values()) == 5
    assert len(good["input_sha256"]) == 64
    assert good["latency_ms"] > 0
    assert (bad["inference_id"], bad["status"], bad["problem"]) == ("bad", 400, "malformed-body")


def test_start_is_recorded(start: Start) -> None:
    """The first line says what serves, down to the commit."""
    server = start(MODEL_COMMIT="0123abc", MODEL_DATA_VERSION="feed")

    first = server.lines[0]

    assert first["event"] == "started"
    assert {"model_version": "7", "commit": "0123abc", "data_version": "feed", "workers": 1}.items() <= first.items()


def test_metrics_are_embedded_in_the_log(start: Start, rows: list[Instance]) -> None:
    """Latency, confidence, predicted rate and bad requests become CloudWatch metrics without an agent."""
    server = start()
    with server.caller() as caller:
        for body in (payloads.json_rows(rows), payloads.json_rows(rows), b"{"):
            caller.invoke(body)
    server.stop()

    (line,) = (line for line in server.lines if line["event"] == "metrics")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["ModelVersion"]]
    assert all(metric["Name"] in line for metric in directive["Metrics"])
    assert line["BadRequest"] == [0, 0, 1]
    assert line["Rows"] == 100
    assert 0 <= line["PositiveRate"] <= 1
    assert len(line["Confidence"]) == 50
    assert min(line["Confidence"]) >= 0.5
    assert len(json.dumps(line)) < 4096


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "http"),
        ("SERVE_MAX_ROWS", "0"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "-1"),
        ("MODEL_VERSION", "3;inference-id=x"),
    ],
)
def test_bad_setting_is_refused_at_the_start(name: str, value: str, model_dir: Path) -> None:
    """A container that cannot mean what it was told does not start, and says why."""
    done = subprocess.run(
        [sys.executable, str(SERVE), "serve"],
        env={**os.environ, "SM_ML_ROOT": str(model_dir.parent), name: value},
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert json.loads(done.stdout)["event"] == "refused-to-start"
    assert name in done.stdout.decode()


def test_connection_survives_a_refusal(caller: Caller, rows: list[Instance]) -> None:
    """A bad request does not cost its caller the connection."""
    statuses = [caller.invoke(body).status for body in (b"{", payloads.json_rows(rows), b"", payloads.json_rows(rows))]

    assert statuses == [400, 200, 400, 200]
