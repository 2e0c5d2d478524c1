"""The container's entry point: `serve.py serve` verifies the model, then answers on SageMaker's port."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import msgspec
import uvicorn

from sagemaker_gitops_modelkit.serving.app import Application
from sagemaker_gitops_modelkit.serving.artifact import ArtifactRefused
from sagemaker_gitops_modelkit.serving.asgi import App
from sagemaker_gitops_modelkit.serving.heap import keep_freed_memory
from sagemaker_gitops_modelkit.serving.model import Model
from sagemaker_gitops_modelkit.serving.predictor import ModelRefused, Predictor
from sagemaker_gitops_modelkit.serving.protocol import GuardedProtocol
from sagemaker_gitops_modelkit.serving.schema import SchemaInvalid
from sagemaker_gitops_modelkit.serving.settings import Settings, SettingsInvalid
from sagemaker_gitops_modelkit.serving.telemetry import Telemetry, write_lines
from sagemaker_gitops_modelkit.serving.workers import Supervisor, listen

REFUSALS = (ArtifactRefused, ModelRefused, SchemaInvalid, SettingsInvalid)
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 25  # SageMaker kills 30 s after SIGTERM
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s after which load balancers drop an idle connection


def main(arguments: list[str], predictor: type[Predictor] = Predictor) -> int:
    """Serve until SIGTERM, with a project's own predictor if it has one; return the process's exit code."""
    if arguments != ["serve"]:
        sys.stderr.write("usage: serve.py serve   (SageMaker starts a serving container so)\n")
        return 2
    try:
        settings = Settings.load(os.environ)
        if settings.tracing != "off":
            _require_tracing()
        model = Model.load(settings, predictor)
        listener = listen(settings.host, settings.port)
    except REFUSALS as refusal:
        return _refuse(str(refusal))
    except OSError as error:
        return _refuse(f"port {settings.port}: {error.strerror}")
    _say(
        event="started",
        model_version=settings.model_version,
        fingerprint=settings.fingerprint,
        commit=settings.commit,
        data_version=settings.data_version,
        workers=settings.worker_count,
    )
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
    keep_freed_memory()
    GuardedProtocol.receive_seconds = settings.receive_seconds
    telemetry = Telemetry(settings, schema=model.schema)
    application = Application(model, settings, telemetry)
    with _traced(application, settings) as app:
        _run(app, listener)
    application.close()


def _run(app: App, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
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
    server = uvicorn.Server(config)
    # uvicorn has its own handlers only while it runs: a signal before that must not be lost, and the one
    # that it raises again when it has shut down must not turn the exit code of 0 into another.
    for number in STOP_SIGNALS:
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])


def _require_tracing() -> None:
    try:
        import_module("sagemaker_gitops_modelkit.serving.tracing")
    except ImportError as error:
        reason = f"SERVE_TRACING needs an image built with requirements-tracing.txt: {error}"
        raise SettingsInvalid(reason) from error


@contextmanager
def _traced(app: App, settings: Settings) -> Iterator[App]:
    """Wrap the application into tracing where it is wanted; its packages are there only then."""
    if settings.tracing == "off":
        yield app
        return
    tracing = import_module("sagemaker_gitops_modelkit.serving.tracing").Tracing(settings)
    yield tracing.around(app)
    tracing.close()


def _refuse(reason: str) -> int:
    _say(event="refused-to-start", reason=reason)
    return 1


def _say(**facts: str | int | None) -> None:
    write_lines(sys.stdout.fileno(), [msgspec.json.encode(facts)])
