"""The window that a run looks at, as a person writes it: 24h, 7d, or two instants around a slash."""

import re
from datetime import UTC, datetime, timedelta

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.monitor.reader import Window

_LENGTH = re.compile(r"(\d{1,4})([hd])")


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
