"""Back-pressure: how many requests, and how many of their bytes, may wait in this process."""

from sagemaker_gitops_modelkit.serving.problem import overloaded


class Admission:
    """A bounded queue that refuses at its door what it could not answer in time."""

    def __init__(self, *, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0

    def enter(self, size: int) -> None:
        """Take a place for a request that may bring `size` bytes, or raise the 503 that says to retry."""
        if self._requests >= self._max_requests:
            raise overloaded(f"{self._requests} requests are waiting")
        if self._requests and self._bytes + size > self._max_bytes:
            raise overloaded(f"{self._bytes} bytes of requests are waiting")
        self._requests += 1
        self._bytes += size

    def leave(self, size: int) -> None:
        """Give the place back."""
        self._requests -= 1
        self._bytes -= size
