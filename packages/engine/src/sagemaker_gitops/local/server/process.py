"""The server process: listens, serves until a signal, leaves nothing behind."""

import json
import logging
import os
import signal
import threading
from dataclasses import dataclass

from sagemaker_gitops.local.server.folder import Folder


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `local up` was told."""

    folder: Folder
    port: int
    account: str
    region: str
    time_scale: float


def serve(options: Options) -> None:
    """Run the local AWS until SIGTERM or SIGINT."""
    # Neither the caller's credentials nor moto's own switches may change what this server is.
    for name in [n for n in os.environ if n.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ["AWS_DEFAULT_REGION"] = options.region
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    _run(options)


def _run(options: Options) -> None:
    from sagemaker_gitops.local.server.listener import Listener  # noqa: PLC0415 - moto reads the environment when it is imported
    from sagemaker_gitops.local.server.plane import Plane  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    listener = Listener(options.port)
    plane = Plane(options.folder, endpoint_url=listener.url, account=options.account, time_scale=options.time_scale)
    plane.restore()
    listener.serve(plane.gateway)
    plane.start()
    _announce(options, listener.url)
    stop.wait()
    options.folder.server.unlink(missing_ok=True)
    plane.close()
    listener.close()


def _announce(options: Options, url: str) -> None:
    served = {
        "pid": os.getpid(),
        "endpoint_url": url,
        "account": options.account,
        "region": options.region,
        "time_scale": options.time_scale,
    }
    draft = options.folder.server.with_suffix(".tmp")
    draft.write_text(json.dumps(served))
    draft.replace(options.folder.server)
