"""The container's entry point: `serve.py serve` verifies the model, then answers on SageMaker's port."""

import os
import signal
import sys
from types import FrameType

import uvicorn
from app import Application
from artifact import ArtifactRefused, read_artifact
from invocation import Invocation
from predictor import ModelRefused, Predictor
from schema import SchemaInvalid, parse_schema
from settings import Settings, SettingsInvalid
from telemetry import Journal

REFUSALS = (ArtifactRefused, ModelRefused, SchemaInvalid, SettingsInvalid)
GRACE_SECONDS = 25  # SageMaker kills 30 s after SIGTERM


def main(arguments: list[str]) -> int:
    """Run the server until SIGTERM; return the process's exit code."""
    if arguments != ["serve"]:
        sys.stderr.write(f"usage: serve.py serve, not {' '.join(arguments)!r}\n")
        return 2
    try:
        settings = Settings.load(os.environ)
        invocation = load_model(settings)
    except REFUSALS as refusal:
        Journal().write({"event": "refused-to-start", "reason": str(refusal)})
        return 1
    serve(invocation, settings)
    return 0


def load_model(settings: Settings) -> Invocation:
    """Verify the model folder, load the model and let it pass its self-test."""
    contents = read_artifact(settings.model_folder, max_bytes=settings.max_model_bytes)
    schema = parse_schema(contents["schema.json"])
    return Invocation(schema, Predictor(contents["model.onnx"], schema), settings)


def serve(invocation: Invocation, settings: Settings) -> None:
    """Answer requests in this process until SIGTERM; requests in flight are finished."""
    application = Application(invocation, settings, Journal())
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # uvicorn raises the signal again once it has shut down: this handler makes that an exit code of 0.
    signal.signal(signal.SIGTERM, _already_stopped)
    uvicorn.Server(config).run()
    application.close()


def _already_stopped(number: int, frame: FrameType | None) -> None:
    """Nothing is left to do."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
