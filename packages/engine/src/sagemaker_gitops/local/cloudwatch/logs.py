"""Container output on its way to CloudWatch Logs."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Place

_LOG = logging.getLogger(__name__)
_EVENTS_A_CALL = 1000

Stream = tuple[Place, str, str]


class Logs:
    """Collects lines and ships them in batches."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._waiting: dict[Stream, list[tuple[int, str]]] = defaultdict(list)
        self._known: set[Stream] = set()
        self._shipping = threading.Lock()

    def sink(self, place: Place, group: str, stream: str) -> Callable[[str], None]:
        """Return where the lines of one stream go."""

        def write(line: str) -> None:
            with self._lock:
                self._waiting[place, group, stream].append((int(time.time() * 1000), line or " "))

        return write

    def flush(self) -> None:
        """Ship every line that waits."""
        with self._shipping:
            with self._lock:
                waiting, self._waiting = self._waiting, defaultdict(list)
            for stream, lines in waiting.items():
                self._ship(stream, lines)

    def _ship(self, stream: Stream, lines: list[tuple[int, str]]) -> None:
        place, group, name = stream
        client = self._clients.logs(place)
        try:
            self._ensure(stream)
            for start in range(0, len(lines), _EVENTS_A_CALL):
                batch = lines[start : start + _EVENTS_A_CALL]
                client.put_log_events(
                    logGroupName=group,
                    logStreamName=name,
                    logEvents=[{"timestamp": t, "message": line} for t, line in batch],
                )
        except (ClientError, BotoCoreError) as problem:
            _LOG.warning("%d lines of %s/%s were lost: %s", len(lines), group, name, problem)

    def _ensure(self, stream: Stream) -> None:
        if stream in self._known:
            return
        place, group, name = stream
        client = self._clients.logs(place)
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=group)
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_stream(logGroupName=group, logStreamName=name)
        self._known.add(stream)
