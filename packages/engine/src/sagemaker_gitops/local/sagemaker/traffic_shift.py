"""An update's way from the old fleet to the new one, step by step, under the eyes of its alarms."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sagemaker_gitops.local.sagemaker.fleet import Fleet, Traffic
from sagemaker_gitops.local.sagemaker.hosting import Hosting
from sagemaker_gitops.local.sagemaker.strategy import Plan
from sagemaker_gitops.local.server.clock import Clock
from sagemaker_gitops.local.server.context import Document, Place

_LOOK_SECONDS = 0.1

Tripped = Callable[[Place, tuple[str, ...]], str | None]
"""Returns the first of some alarms that is in ALARM."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update of one endpoint."""

    place: Place
    name: str
    config: Document
    plan: Plan
    deployment: Document | None


class Interrupted(Exception):
    """The local AWS shuts down: whatever was under way is left as it is."""


class RolledBack(Exception):
    """The update cannot go on; the text is the FailureReason."""


class Shifter:
    """Moves traffic and waits."""

    def __init__(self, clock: Clock, hosting: Hosting, tripped: Tripped, closing: threading.Event) -> None:
        self._clock = clock
        self._hosting = hosting
        self._tripped = tripped
        self._closing = closing

    def shift(self, update: Update, old: Fleet, new: Fleet, *, moved: Callable[[float], None]) -> None:
        """Take every step of the plan; raise RolledBack when an alarm or the time limit ends it."""
        limit = update.plan.max_seconds
        deadline = None if limit is None else time.monotonic() + self._clock.real(limit)
        for step in update.plan.steps:
            self._hosting.route(update.place, update.name, Traffic(blue=old, green=new, green_share=step.share))
            moved(step.share)
            # Without alarms AWS does not bake at all.
            self._bake(update, step.bake_seconds if update.plan.alarms else 0.0, deadline)

    def wait(self, real_seconds: float) -> None:
        """Wait; raise Interrupted when the local AWS shuts down."""
        if self._closing.wait(max(0.0, real_seconds)):
            raise Interrupted

    def _bake(self, update: Update, seconds: float, deadline: float | None) -> None:
        end = time.monotonic() + self._clock.real(seconds)
        while True:
            if name := self._tripped(update.place, update.plan.alarms):
                raise RolledBack(f"Alarm {name} was triggered during the deployment; it was rolled back.")
            if deadline is not None and time.monotonic() > deadline:
                raise RolledBack("The deployment exceeded MaximumExecutionTimeoutInSeconds; it was rolled back.")
            left = end - time.monotonic()
            if left <= 0:
                return
            self.wait(min(left, _LOOK_SECONDS))
