"""The two paths that SageMaker calls, as an ASGI application."""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from regression import BadRow, Regression

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


class App:
    """Answers /ping and /invocations; every answer names the release that gave it."""

    def __init__(self, model: Regression, environ: Mapping[str, str]) -> None:
        self._model = model
        self._version = environ.get("MODEL_VERSION", "unregistered")
        self._fingerprint = environ.get("MODEL_FINGERPRINT", "unknown")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/ping":
            await _reply(send, 200, b"", {})
            return
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        inference_id = headers.get("x-amzn-sagemaker-inference-id") or str(uuid.uuid4())
        status, answer = self._answer(await _body(receive))
        told = {"model_version": self._version, "fingerprint": self._fingerprint, "inference_id": inference_id}
        mark = f"model-version={self._version};fingerprint={self._fingerprint};inference-id={inference_id}"
        body = json.dumps({**answer, **told}).encode()
        await _reply(send, status, body, {"x-amzn-sagemaker-custom-attributes": mark})

    def _answer(self, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            values = self._model.predict(json.loads(body)["instances"])
        except (ValueError, KeyError, TypeError):
            return 400, {"detail": 'send {"instances": [{"age": 59, …}]}'}
        except BadRow as bad:
            return 400, {"detail": str(bad)}
        return 200, {"predictions": [{"value": value} for value in values]}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _reply(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    listed = [
        (name.encode(), value.encode()) for name, value in {"content-type": "application/json", **headers}.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})
