"""The time that a run looks at: as a person writes it, as captures write it, and its hours without traffic."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sagemaker_gitops.errors import ConfigurationError

_LENGTH = re.compile(r"(\d{1,4})([hd])")
_FORMAT = "%Y-%m-%dT%H"
_HOUR = timedelta(hours=1)
_SHOWN_HOURS = 5


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when, to when; and since when answers may still be judged by late ground truth."""

    start: datetime
    end: datetime
    labels_since: datetime

    @property
    def bounds(self) -> tuple[str, str, str]:
        """`labels_since`, `start` and `end` as captures write time."""
        moments = (self.labels_since, self.start, self.end)
        since, start, end = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") for moment in moments)
        return since, start, end


def parse_window(text: str, *, now: datetime, label_lookback: timedelta) -> Window:
    """Read a window; one that is given by its length ends now."""
    if match := _LENGTH.fullmatch(text):
        length = timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))
        start, end = now - length, now
    else:
        start, end = _instants(text)
    if start >= end:
        raise _refused(text, "it ends before it begins")
    return Window(start=start, end=end, labels_since=min(start, end - label_lookback))


def _instants(text: str) -> tuple[datetime, datetime]:
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("/"))
    except ValueError as err:
        raise _refused(text, str(err)) from err
    utc = [moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end)]
    return utc[0], utc[1]


def _refused(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text!r} is no window: {why}",
        where="--window",
        next_step="write 24h, 7d or 2026-11-22T00:00/2026-11-23T00:00 (UTC)",
    )


def silent_hours(hours: Iterable[str], *, until: datetime | None = None) -> list[str]:
    """Name the hours without an event after the first that has one, up to the last or to `until`.

    Before the first the endpoint may not have been there; an hour that is not over is not silent.
    """
    active = {datetime.strptime(hour, _FORMAT).replace(tzinfo=UTC) for hour in hours}
    if not active:
        return []
    end = max(active) if until is None else until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = min(active)
    every = (first + _HOUR * number for number in range((end - first) // _HOUR))
    return [f"{hour:{_FORMAT}}" for hour in every if hour not in active]


def named_hours(hours: Sequence[str]) -> str:
    """Write the first of these hours, and how many more there are."""
    more = len(hours) - _SHOWN_HOURS
    return ", ".join(hours[:_SHOWN_HOURS]) + (f" and {more} more" if more > 0 else "")
