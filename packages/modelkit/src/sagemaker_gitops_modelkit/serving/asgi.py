"""ASGI's messages: read a body within limits, send an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from sagemaker_gitops_modelkit.serving.problem import too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# More than SageMaker lets through; a caller that sends on has its connection reset.
DRAINED_BYTES = 32 * 1024 * 1024
DRAIN_SECONDS = 10.0


class CallerGone(Exception):
    """The caller hung up before its request was complete."""


def announced_size(headers: Mapping[bytes, bytes], *, limit: int) -> int:
    """Return the body's size where the caller announces it, else the most that it may send."""
    announced = headers.get(b"content-length")
    size = int(announced) if announced is not None else limit
    if size > limit:
        raise too_large(f"{size} bytes, more than {limit}; send the rows in several requests")
    return size


class Incoming:
    """A request's body as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def read(self, *, limit: int) -> bytes:
        """Gather a body of at most `limit` bytes."""
        body = await self._next()
        return body if self._ended else await self._read_rest(bytearray(body), limit=limit)

    async def drain(self) -> None:
        """Throw away what is left, within bounds: a connection that closes on unread bytes takes its answer along."""
        left = DRAINED_BYTES
        with suppress(CallerGone, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._ended and left > 0:
                    left -= len(await self._next())

    async def _read_rest(self, parts: bytearray, *, limit: int) -> bytes:
        while not self._ended:
            parts += await self._next()
            if len(parts) > limit:
                raise too_large(f"more than {limit} bytes; send the rows in several requests")
        return bytes(parts)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._ended = True
            raise CallerGone
        self._ended = not message.get("more_body")
        body: bytes = message.get("body", b"")
        return body


async def respond(send: Send, status: int, body: bytes, *, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    await _start(send, status, body, headers)
    await send({"type": "http.response.body", "body": body})


async def refuse(
    send: Send, status: int, body: bytes, *, headers: Sequence[tuple[bytes, bytes]], incoming: Incoming | None
) -> None:
    """Send a whole answer, and close only when the caller has sent its body; without one, at once."""
    await _start(send, status, body, headers)
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if incoming is not None:
        await incoming.drain()
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
