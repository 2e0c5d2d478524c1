"""Servers by name, and callers that choose one by weight for each request."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

import psutil
from bench_serving_models import PROJECT, Workload

SERVE = PROJECT / "model" / "inference" / "serve.py"
HOST = "127.0.0.1"


class Fleet:
    """Running servers of the same model."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    async def start(self, name: str) -> None:
        """Start a server and wait until it is ready."""
        with socket.create_server((HOST, 0)) as probe:
            port: int = probe.getsockname()[1]
        environment = {
            **os.environ,
            "SM_ML_ROOT": str(self._workload.root("trees")),
            "SERVE_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        }
        command = [sys.executable, str(SERVE), "serve"]
        self._processes[name] = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while not await _is_ready(port):
            await asyncio.sleep(0.01)
        self.ports[name] = port

    async def stop(self, name: str) -> None:
        """Stop a server as SageMaker does; it must end by itself."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, 30)
        if code != 0:
            raise RuntimeError(f"{name} ended with {code}")

    def memory_mib(self, name: str) -> float:
        """Return what a server holds."""
        return float(psutil.Process(self._processes[name].pid).memory_info().rss) / 1024**2


class Router:
    """Sends each request to one server, chosen by weight."""

    def __init__(self, fleet: Fleet, body: bytes) -> None:
        self.fleet = fleet
        self.weights: dict[str, float] = {}
        head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.request = head.encode() + b"\r\n\r\n" + body

    def choose(self) -> int:
        """Return the port that the next request goes to."""
        (name,) = random.choices(list(self.weights), list(self.weights.values()))
        return self.fleet.ports[name]

    def client(self) -> "Client":
        """Return one caller."""
        return Client(self)


class Client:
    """One caller with a kept connection to each server."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._open: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def ask(self) -> str | None:
        """Send one request; return what went wrong, if anything did."""
        port = self._router.choose()
        try:
            reader, writer = await self._connection(port)
            writer.write(self._router.request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        except (OSError, EOFError) as error:
            self._open.pop(port, None)
            return repr(error)
        return None if head.startswith(b"HTTP/1.1 200 ") else head.split(b"\r\n", 1)[0].decode()

    def close(self) -> None:
        """Close every connection."""
        for _, writer in self._open.values():
            writer.close()

    async def _connection(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port not in self._open or self._open[port][0].at_eof():
            self._open[port] = await asyncio.open_connection(HOST, port)
        return self._open[port]


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200 ")
