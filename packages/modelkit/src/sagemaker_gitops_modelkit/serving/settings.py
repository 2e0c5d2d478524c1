"""What the container is told by its environment, with the limits that keep it alive."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Text = Annotated[str, Meta(max_length=128, pattern=r"^[\x21-\x3a\x3c-\x7e]*$")]


class SettingsInvalid(Exception):
    """An environment variable of the container holds a value that it cannot use."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The container's configuration; every field is one environment variable."""

    root: str = msgspec.field(default="/opt/ml", name="SM_ML_ROOT")
    host: str = msgspec.field(default="0.0.0.0", name="SERVE_HOST")  # noqa: S104 - SageMaker calls from outside
    port: Annotated[int, Meta(ge=1, le=65535)] = msgspec.field(default=8080, name="SAGEMAKER_BIND_TO_PORT")
    workers: Positive | None = msgspec.field(default=None, name="SAGEMAKER_MODEL_SERVER_WORKERS")
    model_version: Text = msgspec.field(default="unregistered", name="MODEL_VERSION")
    fingerprint: Text = msgspec.field(default="unknown", name="MODEL_FINGERPRINT")
    commit: Text | None = msgspec.field(default=None, name="MODEL_COMMIT")
    data_version: Text | None = msgspec.field(default=None, name="MODEL_DATA_VERSION")
    variant: Text | None = msgspec.field(default=None, name="MODEL_VARIANT")

    max_body_bytes: Positive = msgspec.field(default=6 * 1024 * 1024, name="SERVE_MAX_BODY_BYTES")
    max_rows: Positive = msgspec.field(default=50_000, name="SERVE_MAX_ROWS")
    max_model_bytes: Positive = msgspec.field(default=1024**3, name="SERVE_MAX_MODEL_BYTES")
    queue_requests: Positive = msgspec.field(default=64, name="SERVE_QUEUE_REQUESTS")
    queue_bytes: Positive = msgspec.field(default=48 * 1024 * 1024, name="SERVE_QUEUE_BYTES")
    receive_seconds: Seconds = msgspec.field(default=20.0, name="SERVE_RECEIVE_SECONDS")
    deadline_seconds: Seconds = msgspec.field(default=30.0, name="SERVE_DEADLINE_SECONDS")
    tracing: Literal["off", "otlp"] = msgspec.field(default="off", name="SERVE_TRACING")
    metrics_namespace: Text = msgspec.field(default="ModelServing", name="SERVE_METRICS_NAMESPACE")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables that are set; an empty one counts as unset."""
        values = {name: value for name, value in environ.items() if value}
        try:
            return msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsInvalid(f"environment variable refused: {error}") from error

    @property
    def model_folder(self) -> Path:
        """Where SageMaker unpacks model.tar.gz."""
        return Path(self.root) / "model"

    @property
    def worker_count(self) -> int:
        """One worker a core that this process may use, unless the environment says otherwise."""
        return self.workers or self.core_count

    @property
    def core_count(self) -> int:
        """The cores that this process may use."""
        return len(os.sched_getaffinity(0))
