"""Our application under granian instead of uvicorn."""

import os
import sys
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from sagemaker_gitops_modelkit.serving.app import Application
from sagemaker_gitops_modelkit.serving.model import Model
from sagemaker_gitops_modelkit.serving.settings import Settings
from sagemaker_gitops_modelkit.serving.telemetry import Telemetry


async def main(port: int) -> None:
    """Serve until the process is stopped."""
    settings = Settings.load(os.environ)
    model = Model.load(settings)
    application: Any = Application(model, settings, Telemetry(settings, schema=model.schema))
    await Server(application, address="127.0.0.1", port=port, interface=Interfaces.ASGINL).serve()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
