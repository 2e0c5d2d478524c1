"""Our application under granian instead of uvicorn."""

import os
import sys
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

INFERENCE = Path(__file__).parents[2] / "<<cookiecutter.project>>" / "model" / "inference"
sys.path.insert(0, str(INFERENCE))

import uvloop  # noqa: E402
from app import Application  # noqa: E402
from model import Model  # noqa: E402
from settings import Settings  # noqa: E402
from telemetry import Telemetry  # noqa: E402


async def main(port: int) -> None:
    """Serve until the process is stopped."""
    settings = Settings.load(os.environ)
    model = Model.load(settings)
    application: Any = Application(model, settings, Telemetry(settings, positive=model.schema.positive))
    await Server(application, address="127.0.0.1", port=port, interface=Interfaces.ASGINL).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
