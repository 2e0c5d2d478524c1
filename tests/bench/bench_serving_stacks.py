"""The stacks, each started as a process on core 0, and what wrk on core 1 measures of them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from bench_serving_models import BATCHES, PROJECT, Workload

HERE = Path(__file__).parent
SERVE = PROJECT / "model" / "inference" / "serve.py"
SCRIPT = HERE / "post.lua"
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
SERVER_CORE, CLIENT_CORE = 0, 1
STARTS = 3  # of which the median counts: one start alone may have to read its libraries from disk


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A way to serve one of the models."""

    name: str
    model: str
    command: Callable[[int], list[str]]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One stack in one round; shapes are `rows x connections`.

    CPU time a request is what the server's processes used: on a busy machine it is steadier than the clock.
    """

    p50_ms: dict[str, float]
    requests_per_second: dict[str, float]
    cpu_ms: dict[str, float]
    cold_start_s: float
    memory_mib: float


def _flask(port: int) -> list[str]:
    server = ["--workers", "1", "--worker-class", "sync", "--bind", f"127.0.0.1:{port}"]
    return [sys.executable, "-m", "gunicorn", *server, "bench_serving_flask:app"]


def _ours(_: int) -> list[str]:
    return [sys.executable, str(SERVE), "serve"]


def _script(name: str) -> Callable[[int], list[str]]:
    return lambda port: [sys.executable, str(HERE / name), str(port)]


STACKS = (
    Stack(name="ours", model="trees", command=_ours),
    Stack(name="flask", model="trees", command=_flask),
    Stack(name="ours-logistic", model="logistic", command=_ours),
    Stack(name="flask-logistic", model="logistic", command=_flask),
    Stack(name="granian", model="trees", command=_script("bench_serving_granian.py")),
    Stack(name="echo", model="trees", command=_script("bench_serving_echo.py")),
)


def measure(stack: Stack, workload: Workload, *, seconds: float) -> Measured:
    """Start a stack, load it with every shape of request, and stop it."""
    port = _free_port()
    cold = median(_cold_start(stack, workload, port) for _ in range(STARTS))
    process = _start(stack, workload, port)
    try:
        _first_answer(port, process)
        p50: dict[str, float] = {}
        rate: dict[str, float] = {}
        cpu: dict[str, float] = {}
        for rows in BATCHES:
            for connections in (1, 8) if rows < 10_000 else (1,):
                shape = f"{rows}x{connections}"
                used = _cpu_seconds(process)
                # Few large batches are answered in a second: their median needs longer.
                duration = seconds if rows < 10_000 else 3 * seconds
                p50[shape], rate[shape], answered = _load(port, workload.body(rows), connections, duration)
                cpu[shape] = (_cpu_seconds(process) - used) * 1000 / answered
        return Measured(
            p50_ms=p50, requests_per_second=rate, cpu_ms=cpu, cold_start_s=cold, memory_mib=_memory(process)
        )
    finally:
        _stop(process)


def _cold_start(stack: Stack, workload: Workload, port: int) -> float:
    """Return the seconds from starting the process to its first answer."""
    begun = time.perf_counter()
    process = _start(stack, workload, port)
    try:
        return _first_answer(port, process) - begun
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def _start(stack: Stack, workload: Workload, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(HERE),
        "OMP_NUM_THREADS": "1",
        "SM_ML_ROOT": str(workload.root(stack.model)),
        "PIPELINE_FILE": str(workload.pipeline(stack.model)),
        "SERVE_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
    }
    return subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), *stack.command(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _first_answer(port: int, process: "subprocess.Popen[bytes]") -> float:
    for _ in range(6000):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return time.perf_counter()
        except OSError:
            time.sleep(0.005)
        if process.poll() is not None:
            break
    raise RuntimeError(f"{process.args!r} never answered")


def _load(port: int, body: Path, connections: int, seconds: float) -> tuple[float, float, int]:
    """Return the median latency in milliseconds, the requests answered in a second, and all of them."""
    url = f"http://127.0.0.1:{port}/invocations"
    load = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds:g}s", "--latency"]
    command = ["taskset", "-c", str(CLIENT_CORE), "wrk", *load, "--timeout", "30s", "--script", str(SCRIPT), url]
    environment = {"PATH": os.environ["PATH"], "BODY": str(body)}
    report = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        raise RuntimeError(report)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", report)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    answered = re.search(r"(\d+) requests in", report)
    if not middle or not rate or not answered or int(answered[1]) == 0:
        raise RuntimeError(f"nothing was answered in {seconds:g} s of {body.name}; give --seconds more:\n{report}")
    return float(middle[1]) * UNITS_MS[middle[2]], float(rate[1]), int(answered[1])


def _memory(process: "subprocess.Popen[bytes]") -> float:
    """Return what the whole stack holds: shared pages count by their share."""
    root = psutil.Process(process.pid)
    return sum(float(p.memory_full_info().pss) for p in (root, *root.children(recursive=True))) / 1024**2


def _cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    root = psutil.Process(process.pid)
    times = [p.cpu_times() for p in (root, *root.children(recursive=True))]
    return sum(float(time.user + time.system) for time in times)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
