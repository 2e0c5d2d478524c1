"""A serving container of the least kind: echoes what it was sent, and which model it holds."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = json.loads((Path(os.environ["SM_ML_ROOT"]) / "model/model.json").read_text())
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class Handler(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations; a body {"status": n} is answered with that status."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Keep the access log out of the output."""

    def answer(self, status: int, document: object) -> None:
        """Send a JSON document."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(ATTRIBUTES, self.headers.get(ATTRIBUTES) or f"version={os.environ.get('MODEL_VERSION', '?')}")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer the health check."""
        self.answer(503 if MODEL["hyperparameters"].get("sick") else 200, {})

    def do_POST(self) -> None:
        """Answer an invocation."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body) if self.headers["Content-Type"] == "application/json" else {}
        time.sleep(float(asked.get("sleep", 0)))
        print(json.dumps({"event": "prediction", "bytes": len(body)}), flush=True)  # noqa: T201 - what a container logs
        inference_id = self.headers.get("X-Amzn-SageMaker-Inference-Id")
        failing = 500 if MODEL["hyperparameters"].get("broken") else 200
        self.answer(
            int(asked.get("status", failing)),
            {"version": os.environ.get("MODEL_VERSION"), "pid": os.getpid(), "inference_id": inference_id},
        )


if __name__ == "__main__":
    assert sys.argv[1:] == ["serve"]
    if MODEL["hyperparameters"].get("crash"):
        sys.exit(3)
    time.sleep(float(MODEL["hyperparameters"].get("delay", "0")))
    ThreadingHTTPServer((os.environ["SERVE_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
