"""Writes in the background what requests leave behind."""

import logging
import threading
from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)


class Flusher:
    """Calls some functions at a fixed interval, and once more at the end."""

    def __init__(self, flushes: Sequence[Callable[[], None]], *, seconds: float) -> None:
        self._flushes = flushes
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="flusher")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Flush a last time and stop."""
        self._stop.set()
        self._thread.join(10)
        self._flush()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._flush()

    def _flush(self) -> None:
        for flush in self._flushes:
            try:
                flush()
            except Exception:  # noqa: BLE001 - one lost batch must not end the writing
                _LOG.exception("flush")
