"""One process a core: the model is loaded once, shared by fork, and a worker that dies is replaced."""

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# A worker that dies younger than this is replaced only after a pause as long.
INFANT_SECONDS = 1.0

Work = Callable[[socket.socket], None]


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that all workers accept from."""
    return socket.create_server((host, port), backlog=2048)


class Supervisor:
    """Keeps `count` forked workers alive until SIGTERM, then waits for them to finish their requests."""

    def __init__(self, work: Work, listener: socket.socket, *, count: int) -> None:
        self._work = work
        self._listener = listener
        self._count = count
        self._born: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Return when every worker has ended after a signal."""
        for number in SIGNALS:
            signal.signal(number, self._stop)
        gc.freeze()  # what the workers share must not be copied because a collection touches it
        for _ in range(self._count):
            self._start()
        while self._born:
            process, _ = os.wait()
            age = time.monotonic() - self._born.pop(process, 0.0)
            if not self._stopping:
                time.sleep(0 if age > INFANT_SECONDS else INFANT_SECONDS)
                self._start()

    def _start(self) -> None:
        """Fork one worker; a signal waits until both sides know of each other."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        process = 0 if self._stopping else os.fork()
        if process == 0 and not self._stopping:
            self._be_worker()
        if process:
            self._born[process] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _be_worker(self) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = 1
        try:
            self._work(self._listener)
            code = 0
        except BaseException:  # noqa: BLE001 - the fork ends here, whatever happened
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)

    def _stop(self, *_: object) -> None:
        """Pass the signal on; nobody accepts any more, so callers are refused instead of left waiting."""
        self._stopping = True
        self._listener.close()
        for process in self._born:
            os.kill(process, signal.SIGTERM)
