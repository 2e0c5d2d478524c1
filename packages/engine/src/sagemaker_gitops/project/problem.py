"""What doctor finds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ailment:
    """What is wrong, and the command that mends it."""

    what: str
    remedy: str
