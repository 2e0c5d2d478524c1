"""The floor: the same server, which reads a request and sends it back."""

import sys
from typing import Any

import uvicorn


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Answer with the request's own bytes."""
    message = await receive()
    body = bytearray(message["body"])
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": bytes(body)})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
