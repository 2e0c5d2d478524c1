"""Prism between a client and a server: what either says is held against an OpenAPI description."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PRISM = Path(__file__).parents[1] / "node_modules/.bin/prism"
START_SECONDS = 60


@contextmanager
def checking(description: Path, upstream: str, log: Path) -> Iterator[str]:
    """Hand requests on to `upstream`; a request or an answer that is not as described becomes an error."""
    port = _free_port()
    command: list[str | Path] = [
        PRISM,
        "proxy",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--errors",
        description,
        upstream,
    ]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        try:
            _wait(port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
