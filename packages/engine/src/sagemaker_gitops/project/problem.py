"""What doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong, and the command or step that fixes it."""

    what: str
    fix: str
