"""Statistics over captured data: pure functions."""
