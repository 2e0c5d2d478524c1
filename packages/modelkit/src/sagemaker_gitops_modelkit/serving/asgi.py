"""ASGI's messages: read a body within limits, send an answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from sagemaker_gitops_modelkit.serving.problem import too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class CallerGone(Exception):
    """The caller hung up before its request was complete."""


def announced_size(headers: Mapping[bytes, bytes], *, limit: int) -> int:
    """Return the body's size where the caller announces it, else the most that it may send."""
    announced = headers.get(b"content-length")
    size = int(announced) if announced is not None else limit
    if size > limit:
        raise too_large(f"{size} bytes, more than {limit}; send the rows in several requests")
    return size


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """Gather a body of at most `limit` bytes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _read_rest(receive, bytearray(body), limit=limit)
    elif message["type"] == "http.disconnect":
        raise CallerGone
    return body


async def respond(send: Send, status: int, body: bytes, *, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def _read_rest(receive: Receive, parts: bytearray, *, limit: int) -> bytes:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise too_large(f"more than {limit} bytes; send the rows in several requests")
        if not message.get("more_body"):
            return bytes(parts)
