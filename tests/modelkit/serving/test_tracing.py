"""Tracing, exported to a collector that listens here."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import Instance
from sagemaker_gitops_modelkit.gates.server import SERVE
from tests.modelkit.serving.conftest import Start

TRACE = "0af7651916cd43dd8448eb211c80319c"
XRAY = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"


@dataclass(frozen=True, kw_only=True)
class Collector:
    """What a collector was sent."""

    url: str
    spans: list[Span] = field(default_factory=list)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Listen for OTLP over HTTP."""
    received: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            received.extend(span for rs in request.resource_spans for ss in rs.scope_spans for span in ss.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Collector(url=f"http://127.0.0.1:{server.server_port}", spans=received)
        server.shutdown()
        thread.join()


def test_spans_continue_the_callers_trace(collector: Collector, start: Start, rows: list[Instance]) -> None:
    """Each request is one span of the caller's trace, W3C's or X-Ray's, and names the model that answered."""
    server = start(
        SERVE_TRACING="otlp", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_EXPORTER_OTLP_COMPRESSION="none"
    )
    with server.caller() as caller:
        caller.ask("GET", "/ping")
        caller.invoke(payloads.json_rows(rows), Traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
        caller.invoke(payloads.json_rows(rows), X_Amzn_Trace_Id=XRAY)
        caller.invoke(b"{")
    assert server.stop() == 0

    w3c, xray, refused = collector.spans
    attributes = {pair.key: pair.value.string_value for pair in w3c.attributes}
    assert w3c.trace_id.hex() == TRACE
    assert xray.trace_id.hex() == "67891233abcdef012345678912345678"
    assert attributes["model.version"] == "7"
    assert attributes["model.fingerprint"] == "ab" * 32
    assert "inference-id=" in attributes["sagemaker.custom_attributes"]
    assert [pair.value.int_value for pair in refused.attributes if pair.key == "http.response.status_code"] == [400]


def test_tracing_without_its_packages_is_refused(model_dir: Path, tmp_path: Path) -> None:
    """An image that cannot trace does not pretend to."""
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(SERVE), "serve"],
        env={**os.environ, "SM_ML_ROOT": str(model_dir.parent), "SERVE_TRACING": "otlp", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert "requirements-tracing.txt" in json.loads(done.stdout)["reason"]


def test_tracing_is_off_unless_it_is_asked_for() -> None:
    """The server needs none of tracing's packages."""
    code = "import sys, serve; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], cwd=SERVE.parent, timeout=30, check=False)

    assert done.returncode == 0
