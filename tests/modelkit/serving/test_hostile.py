"""Callers that mean harm, or are broken: never a 500, never a crash, memory bounded."""

import random
import socket
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from sagemaker_gitops_modelkit.gates import payloads
from sagemaker_gitops_modelkit.gates.payloads import ARROW, Instance
from sagemaker_gitops_modelkit.gates.server import HOST, Caller, Server
from tests.modelkit.serving.conftest import Start

MIB = 1024 * 1024


def _resident(server: Server) -> int:
    size: int = psutil.Process(server.process.pid).memory_info().rss
    return size


def _still_answers(server: Server, rows: list[Instance]) -> bool:
    with server.caller() as caller:
        return caller.invoke(payloads.json_rows(rows)).status == 200


def _exchange(server: Server, sent: bytes, *, timeout: float = 10.0) -> bytes:
    """Send bytes that need not be HTTP and read until the server closes."""
    with socket.create_connection((HOST, server.port), timeout=timeout) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _mutations(seed: bytes, count: int) -> Iterator[bytes]:
    """Return bodies one to eight random edits away from a good one."""
    chance = random.Random(20261123)
    splinters = [b"", *(bytes([byte]) for byte in b'\x00\xff"{}[],:\n-'), b"\\u0000", b"1e309", b"null"]
    for _ in range(count):
        body = bytearray(seed)
        for _ in range(chance.randint(1, 8)):
            start = chance.randrange(len(body))
            body[start : start + chance.choice((0, 1, 1, 5, 40))] = chance.choice(splinters)
        yield bytes(body)


@pytest.mark.parametrize("content_type", ["application/json", "text/csv", ARROW])
def test_a_thousand_mutated_bodies_never_fail_the_server(
    content_type: str, serving: Server, caller: Caller, rows: list[Instance]
) -> None:
    """Each is answered or refused, on one connection that stays open."""
    seeds = {
        "application/json": payloads.json_rows(rows[:3]),
        "text/csv": payloads.csv_rows(rows[:3], header=True),
        ARROW: payloads.arrow_rows(rows[:3]),
    }

    statuses = {caller.invoke(body, content_type).status for body in _mutations(seeds[content_type], 1000)}

    assert statuses <= {200, 400, 413, 422}
    assert len(statuses) > 1
    assert _still_answers(serving, rows)


def test_huge_announced_body_is_refused_unread(serving: Server, rows: list[Instance]) -> None:
    """100 MB announced: the refusal comes before the body."""
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 104857600\r\n\r\n"
    with socket.create_connection((HOST, serving.port), timeout=10) as connection:
        connection.sendall(head)

        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert _still_answers(serving, rows)


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [("text/csv", 6 * MIB + 1, 413), ("text/csv", 25 * MIB, 413), ("image/png", MIB, 415)],
    ids=["beyond", "most", "type"],
)
def test_early_refusal_reaches_a_caller_that_sends_on(
    kind: str, size: int, status: int, connection: str, serving: Server
) -> None:
    """A caller that sends its whole body before it listens gets the answer, and no reset, each time."""
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nConnection: {connection}\r\n"
    sent = f"{head}Content-Length: {size}\r\n\r\n".encode() + b"1" * size

    for _ in range(5):
        with socket.create_connection((HOST, serving.port), timeout=30) as caller:
            caller.sendall(sent)
            answer = caller.recv(65536)

        assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_caller_that_asks_before_it_sends_is_not_waited_for(serving: Server) -> None:
    """Expect: 100-continue gets the refusal alone, and the connection closes without a body."""
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 26214400\r\n"

    answer = _exchange(serving, head + b"Connection: close\r\nExpect: 100-continue\r\n\r\n", timeout=5)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_huge_bodies_leave_memory_bounded(serving: Server, rows: list[Instance]) -> None:
    """100 MB sent in spite of the refusal, announced and in chunks, are read away and not kept."""
    before = _resident(serving)

    with serving.caller() as caller:
        announced = caller.invoke(b"1" * (100 * MIB), "text/csv")
    chunked = _chunked(serving, megabytes=100)

    assert announced.status == 413
    assert chunked.startswith(b"HTTP/1.1 413 ")
    assert _resident(serving) - before < 64 * MIB
    assert _still_answers(serving, rows)


def _chunked(server: Server, *, megabytes: int) -> bytes:
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        connection.sendall(head)
        for _ in range(megabytes):
            connection.sendall(b"100000\r\n" + b"1" * MIB + b"\r\n")
        return connection.recv(65536)


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [' + b"1," * 2_900_000 + b"1]}",
        b'{"instances": [' + b"{}," * 1_900_000 + b"{}]}",
        b'{"instances": [' + b"[]," * 1_900_000 + b"[]]}",
        b'{"columns": {"pirat": [' + b"1," * 2_900_000 + b"1]}}",
        b'{"instances": ' + b"[" * 5_900_000,
        b'{"instances": [{"pirat": "' + b"x" * 5_900_000 + b'"}]}',
        b'{"instances": [{"pirat": ' + b"1" * 5_900_000 + b"}]}",
    ],
    ids=["numbers", "objects", "arrays", "column", "nesting", "string", "digits"],
)
def test_bodies_that_unfold_leave_memory_bounded(body: bytes, serving: Server, caller: Caller) -> None:
    """Six megabytes that a parser turns into far more are refused, at a cost of a few times their size."""
    before = _resident(serving)

    reply = caller.invoke(body)

    assert reply.status in {400, 413, 422}
    assert len(reply.body) < MIB
    assert _resident(serving) - before < 250 * MIB


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"\x00" * 1000,
    ],
    ids=["tls", "version", "negative", "twice", "overflow", "chunk", "smuggling", "zeros"],
)
def test_bytes_that_are_not_http_are_refused(sent: bytes, serving: Server, rows: list[Instance]) -> None:
    """A broken request line, length or chunk closes its own connection and nothing else."""
    assert _exchange(serving, sent).startswith(b"HTTP/1.1 400 ")
    assert _still_answers(serving, rows)


def test_endless_headers_are_refused(serving: Server, rows: list[Instance]) -> None:
    """A request that never comes to its body ends at 32 KiB."""
    header = b"X-Filler: " + b"x" * 1000 + b"\r\n"

    answer = _exchange(serving, b"GET /ping HTTP/1.1\r\n" + header * 40)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert _still_answers(serving, rows)


@pytest.mark.parametrize("where", ["headers", "body"])
def test_slow_callers_are_cut_off(where: str, start: Start, rows: list[Instance]) -> None:
    """Fifty callers that send a byte now and then keep nobody else waiting, and are sent away."""
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
    sent = head if where == "headers" else head + b"Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\n"
    server = start(SERVE_RECEIVE_SECONDS="0.5")
    connections = [socket.create_connection((HOST, server.port), timeout=10) for _ in range(50)]
    for connection in connections:
        connection.sendall(sent)

    served = _still_answers(server, rows)
    answers = [_drip(connection) for connection in connections]

    assert served
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)


def _drip(connection: socket.socket) -> bytes:
    with connection:
        for _ in range(3):
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.01)
        return connection.recv(65536)


def test_idle_connection_is_closed_in_silence(start: Start) -> None:
    """A caller that connects and asks nothing gets no answer that it could take for another's."""
    server = start(SERVE_RECEIVE_SECONDS="0.3")

    assert _exchange(server, b"") == b""


def test_callers_that_hang_up_leave_nothing_behind(serving: Server, rows: list[Instance]) -> None:
    """Requests dropped in their middle, from many threads, cost no connection of others."""
    body = payloads.json_rows(rows * 40)
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)

    def hang_up(kept: int) -> None:
        with socket.create_connection((HOST, serving.port), timeout=10) as connection:
            connection.sendall((head + body)[:kept])

    threads = [threading.Thread(target=hang_up, args=(len(head) + len(body) * part // 40,)) for part in range(41)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert _still_answers(serving, rows)
    assert serving.process.poll() is None
