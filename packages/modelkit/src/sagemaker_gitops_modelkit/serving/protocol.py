"""uvicorn's HTTP/1.1 with what it leaves to a proxy: limits on an incomplete request's time and size."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sagemaker_gitops_modelkit.serving.settings import Settings

MAX_HEADER_BYTES = 32 * 1024


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that hold a place without completing a request."""

    receive_seconds = Settings().receive_seconds

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._header_bytes = 0
        self._asked = False
        self._in_headers = True
        self._complete = False
        self._overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time from now on."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then judge what is still incomplete."""
        self._asked = True
        super().data_received(data)
        if self._complete:
            self._unwatch()
            return
        self._watch()
        if self._in_headers:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"headers exceed {MAX_HEADER_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Start to count a request."""
        super().on_message_begin()
        self._complete = False
        self._in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """Leave the size of the body to the application."""
        self._in_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Nothing more is expected."""
        self._complete = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _watch(self) -> None:
        if self._overdue is None:
            detail = f"the request was not complete after {self.receive_seconds:g} s"
            self._overdue = self.loop.call_later(self.receive_seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT, detail)

    def _unwatch(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without the application, unless it is already answering or nothing was asked, and close."""
        self._unwatch()
        if self.transport.is_closing():
            return
        answering = not self._in_headers and self.cycle is not None and self.cycle.response_started
        if self._asked and not answering:
            self.transport.write(_refusal(status, detail))
        self.transport.close()


def _refusal(status: HTTPStatus, detail: str) -> bytes:
    body = f'{{"type":"about:blank","title":"{status.phrase}","status":{status},"detail":"{detail}"}}'
    head = (
        f"HTTP/1.1 {status} {status.phrase}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        "connection: close",
    )
    return "\r\n".join((*head, "", body)).encode("ascii")
