"""A fleet: the serving processes of one endpoint configuration, and requests on their way through it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sagemaker_gitops.local.sagemaker.replica import Replica
from sagemaker_gitops.local.server.context import Document

DRAIN_SECONDS = 60.0


class Draining(Exception):
    """The fleet takes no more requests: another one serves by now."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How an endpoint's requests are shared out at one moment."""

    blue: "Fleet"
    green: "Fleet | None" = None
    green_share: float = 0.0


class Fleet:
    """The replicas that serve one endpoint configuration."""

    def __init__(self, config: Document, production: list[Replica], shadows: list[Replica]) -> None:
        self.config = config
        self.production = production
        self.shadows = shadows
        self.weights: dict[str, float] = {r.variant_name: float(r.variant["InitialVariantWeight"]) for r in production}
        self._idle = threading.Condition()
        self._in_flight = 0
        self._draining = False

    @property
    def replicas(self) -> list[Replica]:
        """Return every replica, production first."""
        return [*self.production, *self.shadows]

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold the fleet open for one request."""
        with self._idle:
            if self._draining:
                raise Draining
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """Let the requests in flight finish, then end the processes."""
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._idle:
            self._draining = True
            while self._in_flight and (left := deadline - time.monotonic()) > 0:
                self._idle.wait(left)
        for replica in self.replicas:
            replica.close()

    def kill(self) -> None:
        """End the processes at once."""
        for replica in self.replicas:
            replica.kill()
