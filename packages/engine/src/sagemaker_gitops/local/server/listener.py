"""The HTTP server: werkzeug's, with kept-alive connections."""

import io
import threading
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
_POLL_SECONDS = 0.05


class KeepAliveHandler(MotoRequestHandler):
    """Reads each request to its end before it is answered, so that the next may follow on the connection.

    Werkzeug closes every connection because an application may leave a body unread. A client that
    sends hundreds of invocations a second would spend its time on connecting.
    """

    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes: without this the second waits for the client's ACK.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request and keep the connection."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.environ = environ = self.make_environ()
        body = Request(environ, populate_request=False).get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        response = Response.from_app(self.server.app, environ, buffered=True)
        self._send(response)

    def _send(self, response: Response) -> None:
        content = b"" if self.command == "HEAD" else response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.send_header(name, value)
        if "Content-Length" not in response.headers and response.status_code not in {204, 304}:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: every call is recorded in calls.jsonl."""


class Listener:
    """Binds first and answers later: the plane has to know its own address before it exists."""

    def __init__(self, port: int) -> None:
        self._server = make_server(HOST, port, Response(status=503), threaded=True, request_handler=KeepAliveHandler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True, name="listener"
        )

    @property
    def url(self) -> str:
        """Return the address to reach it at."""
        return f"http://{HOST}:{self._server.port}"

    def serve(self, application: "WSGIApplication") -> None:
        """Answer requests from now on."""
        self._server.app = application
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
