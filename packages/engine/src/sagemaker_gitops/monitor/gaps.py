"""Hours of a window that nothing was captured in: no traffic, or traffic that nobody kept."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

_FORMAT = "%Y-%m-%dT%H"
_HOUR = timedelta(hours=1)
_TOLD_HOURS = 5


def silent_hours(hours: Iterable[str], *, until: datetime | None = None) -> list[str]:
    """Name the hours without an event after the first that has one, up to the last or to `until`.

    Before the first the endpoint may not have been there; an hour that is not over is not silent.
    """
    heard = {datetime.strptime(hour, _FORMAT).replace(tzinfo=UTC) for hour in hours}
    if not heard:
        return []
    end = max(heard) if until is None else until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = min(heard)
    every = (first + _HOUR * place for place in range((end - first) // _HOUR))
    return [f"{hour:{_FORMAT}}" for hour in every if hour not in heard]


def told(hours: Sequence[str]) -> str:
    """Write the first of these hours, and how many more there are."""
    more = len(hours) - _TOLD_HOURS
    return ", ".join(hours[:_TOLD_HOURS]) + (f" and {more} more" if more > 0 else "")
