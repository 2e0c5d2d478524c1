"""Simulated time: what takes AWS minutes takes the laptop seconds."""

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Real timestamps and scaled durations: `scale` simulated seconds pass in one real second."""

    scale: float = 60.0

    def real(self, simulated_seconds: float) -> float:
        """Return how many real seconds a simulated duration takes."""
        return simulated_seconds / self.scale

    def wait(self, simulated_seconds: float, stop: threading.Event) -> bool:
        """Wait a simulated duration; return True at once when `stop` is set."""
        return stop.wait(self.real(simulated_seconds))


def now() -> float:
    """Return the time in seconds since the epoch, to the millisecond as AWS gives it."""
    return round(time.time(), 3)
