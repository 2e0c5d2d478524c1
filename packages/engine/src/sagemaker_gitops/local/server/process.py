"""The server process: it serves until a signal, and is started, found and stopped from outside."""

import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.sagemaker.containers import kill_leftovers
from sagemaker_gitops.local.server.folder import Folder


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `local up`."""

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
    from sagemaker_gitops.local.server.embedded_aws import EmbeddedAws  # noqa: PLC0415
    from sagemaker_gitops.local.server.gateway import Listener  # noqa: PLC0415 - moto reads the environment when it is imported

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    listener = Listener(options.port)
    aws = EmbeddedAws(options.folder, endpoint_url=listener.url, account=options.account, time_scale=options.time_scale)
    aws.restore()
    listener.serve(aws.gateway)
    aws.start()
    _announce(options, listener.url)
    stop.wait()
    options.folder.server.unlink(missing_ok=True)
    aws.close()
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


# A long journal of a former server is replayed first.
_UP_SECONDS = 300.0
_DOWN_SECONDS = 20.0
# Any key pair that the local IAM did not issue belongs to the default account.
ACCESS_KEY, SECRET_KEY = "local", "local"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers."""

    pid: int
    endpoint_url: str
    account: str
    region: str
    time_scale: float

    def environment(self) -> dict[str, str]:
        """Return what makes any AWS client talk to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


def find_server(folder: Folder) -> Running | None:
    """Return the running server of a folder."""
    try:
        running = Running(**json.loads(folder.server.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return running if _alive(running.pid) else None


def require_server(folder: Folder) -> Running:
    """Return the running server of a folder, or say how to start it."""
    running = find_server(folder)
    if running is None:
        raise ConfigurationError("the local AWS is not running", where=str(folder.root), next_step="pipeline local up")
    return running


def start_server(options: Options, root: Path) -> Running:
    """Start the server in the background unless it runs; return it once it answers."""
    options.folder.create()
    with options.folder.starting.open("w") as lock:
        # Of two that start it at once, the second finds the first's.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find_server(options.folder) or _start(options, root)


def _start(options: Options, root: Path) -> Running:
    command = [sys.executable, "-m", "sagemaker_gitops.local", *serve_arguments(options)]
    with options.folder.log.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if running := find_server(options.folder):
            return running
        time.sleep(0.02)
    process.kill()
    raise ConfigurationError(
        "the local AWS did not start",
        where=str(options.folder.log),
        next_step="read the end of that log; `pipeline local up --foreground` shows it live",
    )


def serve_arguments(options: Options) -> list[str]:
    """Return the arguments that run a server with these options in the foreground."""
    return [
        "--state",
        str(options.folder.root.resolve()),
        "up",
        "--foreground",
        f"--port={options.port}",
        f"--account={options.account}",
        f"--region={options.region}",
        f"--time-scale={options.time_scale}",
    ]


def stop_server(folder: Folder) -> bool:
    """Stop the server and everything it started; return whether one ran."""
    running = find_server(folder)
    if running is not None:
        _stop(running.pid)
    folder.server.unlink(missing_ok=True)
    kill_leftovers(folder.processes)
    return running is not None


def _stop(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _DOWN_SECONDS
        while _alive(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.02)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        # A server that this very process started stays a zombie until it is waited for.
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
