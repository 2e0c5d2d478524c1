"""The container's entry point: `serve.py serve` verifies the model, then answers on SageMaker's port."""

import os
import signal
import socket
import sys

import msgspec
import uvicorn
from app import Application
from artifact import ArtifactRefused
from predictor import ModelRefused
from protocol import GuardedProtocol
from schema import SchemaInvalid
from settings import Settings, SettingsInvalid
from telemetry import Telemetry, write_lines
from workers import Supervisor, listen

from model import Model

REFUSALS = (ArtifactRefused, ModelRefused, SchemaInvalid, SettingsInvalid)
GRACE_SECONDS = 25  # SageMaker kills 30 s after SIGTERM
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s after which load balancers drop an idle connection


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; return the process's exit code."""
    if arguments != ["serve"]:
        sys.stderr.write("usage: serve.py serve   (SageMaker starts a serving container so)\n")
        return 2
    try:
        settings = Settings.load(os.environ)
        model = Model.load(settings)
        listener = listen(settings.host, settings.port)
    except REFUSALS as refusal:
        return _refuse(str(refusal))
    except OSError as error:
        return _refuse(f"port {settings.port}: {error.strerror}")
    serve(model, settings, listener)
    return 0


def serve(model: Model, settings: Settings, listener: socket.socket) -> None:
    """Answer requests in as many processes as there are cores; a single one needs no supervisor."""

    def work(accepting: socket.socket) -> None:
        serve_in_this_process(model, settings, accepting)

    if settings.worker_count == 1:
        work(listener)
    else:
        Supervisor(work, listener, count=settings.worker_count).run()


def serve_in_this_process(model: Model, settings: Settings, listener: socket.socket) -> None:
    """Answer requests until SIGTERM; those in flight are finished."""
    # uvicorn raises the signal again when it has shut down: this handler makes that an exit code of 0.
    signal.signal(signal.SIGTERM, _already_stopped)
    GuardedProtocol.receive_seconds = settings.receive_seconds
    telemetry = Telemetry(settings, positive=model.schema.positive)
    application = Application(model, settings, telemetry)
    config = uvicorn.Config(
        application,
        http=GuardedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])
    application.close()


def _refuse(reason: str) -> int:
    write_lines(1, [msgspec.json.encode({"event": "refused-to-start", "reason": reason})])
    return 1


def _already_stopped(*_: object) -> None:
    """Nothing is left to do."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
