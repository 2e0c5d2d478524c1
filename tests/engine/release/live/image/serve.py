"""A serving container that keeps the contract and misbehaves as its model says: failing, slow or skewed."""

import json
import os
import random
import sys
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHAVIOUR = json.loads((Path(os.environ["SM_ML_ROOT"]) / "model/model.json").read_text())
VERSION, FINGERPRINT = os.environ["MODEL_VERSION"], os.environ["MODEL_FINGERPRINT"]
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"


class Handler(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Keep the access log out of the output."""

    def do_GET(self) -> None:
        """Answer the health check."""
        self.answer(200, {}, "")

    def do_POST(self) -> None:
        """Answer an invocation; batches, which only our own verification sends, are always answered well."""
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        inference_id = self.headers.get(INFERENCE_ID) or str(uuid.uuid4())
        alone = len(rows) == 1
        time.sleep(BEHAVIOUR.get("slow", 0) if alone else 0)
        status = 500 if alone and random.random() < BEHAVIOUR.get("failing", 0) else 200
        predictions = [self.predict(row) for row in rows]
        document = {"predictions": predictions, "model_version": VERSION, "fingerprint": FINGERPRINT}
        self.answer(status, {**document, "inference_id": inference_id}, inference_id)

    def predict(self, row: dict[str, object]) -> dict[str, object]:
        """Say the same about the same row, unless the model is skewed."""
        probability = random.Random(json.dumps(row, sort_keys=True)).random() / 2
        if BEHAVIOUR.get("skewed"):
            probability = 1 - probability
        return {"label": "yes" if probability > 0.4 else "no", "probability": probability}

    def answer(self, status: int, document: dict[str, object], inference_id: str) -> None:
        """Send a JSON document, and log it as the real container does."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(ATTRIBUTES, f"model-version={VERSION};fingerprint={FINGERPRINT};inference-id={inference_id}")
        self.end_headers()
        self.wfile.write(body)
        if inference_id:
            record: dict[str, object] = {"event": "prediction", "inference_id": inference_id, "model_version": VERSION}
            record |= {"fingerprint": FINGERPRINT, "status": status, "time": datetime.now(UTC).isoformat()}
            print(json.dumps(record), flush=True)  # noqa: T201 - what a container logs


if __name__ == "__main__":
    assert sys.argv[1:] == ["serve"]
    ThreadingHTTPServer((os.environ["SERVE_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
