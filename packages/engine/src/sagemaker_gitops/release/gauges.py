"""Evidence from live traffic: CloudWatch's counts and Data Capture's predictions of two variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sagemaker_gitops.release.answers import EventView, agreement, answers
from sagemaker_gitops.release.checks import Evidence, Traffic
from sagemaker_gitops.release.ports import Clock

# More rows sharpen no verdict, and reading them all would slow the check of a busy endpoint.
_MAX_EVENTS = 5000


class TrafficView(Protocol):
    """What was counted for a variant."""

    @property
    def requests(self) -> int: ...  # noqa: D102
    @property
    def errors(self) -> int: ...  # noqa: D102
    @property
    def rejected(self) -> int: ...  # noqa: D102
    @property
    def p50_ms(self) -> float | None: ...  # noqa: D102
    @property
    def p95_ms(self) -> float | None: ...  # noqa: D102


class Counters(Protocol):
    """CloudWatch, or a test's stand-in."""

    def traffic(self, endpoint: str, variant: str, *, since: datetime, until: datetime) -> TrafficView:
        """Sum up what a variant answered between two moments."""


class Recorder(Protocol):
    """Data Capture, or a test's stand-in."""

    def events(
        self, endpoint: str, variant: str, *, since: datetime, until: datetime, limit: int
    ) -> Sequence[EventView]:
        """Read the newest events of a variant since a moment."""


@dataclass(frozen=True, kw_only=True)
class LiveGauges:
    """Measures two variants of one endpoint."""

    endpoint: str
    counters: Counters
    recorder: Recorder
    clock: Clock

    def measure(self, *, candidate: str, champion: str | None, since: datetime, mirrored: bool) -> Evidence:
        """Compare two variants on what happened since a moment."""
        ours = self._events(candidate, since)
        theirs = self._events(champion, since) if champion else []
        return Evidence(
            candidate=self._traffic(candidate, since),
            champion=self._traffic(champion, since) if champion else Traffic(),
            candidate_answers=answers(ours),
            champion_answers=answers(theirs),
            agreement=agreement(ours, theirs) if mirrored else None,
        )

    def _events(self, variant: str, since: datetime) -> Sequence[EventView]:
        now = self.clock.now()
        return self.recorder.events(self.endpoint, variant, since=since, until=now, limit=_MAX_EVENTS)

    def _traffic(self, variant: str, since: datetime) -> Traffic:
        seen = self.counters.traffic(self.endpoint, variant, since=since, until=self.clock.now())
        return Traffic(
            requests=seen.requests,
            errors=seen.errors,
            rejected=seen.rejected,
            p50_ms=seen.p50_ms,
            p95_ms=seen.p95_ms,
        )
