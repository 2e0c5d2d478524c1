"""Changing the endpoint, one target at a time, until AWS is done with it."""

from collections.abc import Callable, Mapping

from sagemaker_gitops.errors import EndpointUnrecovered
from sagemaker_gitops.release.lease import Tenure
from sagemaker_gitops.release.ports import Clock, Fleets, Guard
from sagemaker_gitops.release.state import Fleet, Layout

# AWS may show the state before a change for a moment after it accepted the change.
_REACTION_LOOKS = 10


class Hands:
    """The only part of a rollout that changes the endpoint."""

    def __init__(
        self, fleets: Fleets, clock: Clock, tenure: Tenure, *, endpoint: str, poll_seconds: float, timeout: float
    ) -> None:
        self._fleets = fleets
        self._clock = clock
        self._tenure = tenure
        self._endpoint = endpoint
        self._poll_seconds = poll_seconds
        self._timeout = timeout

    def config_name(self, layout: Layout) -> str:
        """Name a configuration by its content, so that a second run finds the first one's."""
        return f"{self._endpoint}-{layout.digest()}"

    def look(self) -> Fleet | None:
        """Look at the endpoint."""
        view = self._fleets.describe(self._endpoint)
        return Fleet.of(view) if view else None

    def provision(self, layout: Layout, *, exists: bool, guard: Guard | None) -> None:
        """Bring up a fleet of this layout, beside the present one if there is one."""
        config = self.config_name(layout)
        if exists:
            self._fleets.update(self._endpoint, config, layout, guard)
        else:
            self._fleets.create(self._endpoint, config, layout)
        self._settle(lambda fleet: fleet is not None and fleet.config == config)

    def shift(self, weights: Mapping[str, int]) -> None:
        """Split traffic as asked, in percent."""
        self._fleets.shift(self._endpoint, weights)
        self._settle(lambda fleet: fleet is not None and fleet.sends(weights))

    def remove(self) -> None:
        """Delete the endpoint."""
        self._fleets.delete(self._endpoint)
        self._settle(lambda fleet: fleet is None)

    def _settle(self, reached: Callable[[Fleet | None], bool]) -> None:
        """Wait until AWS has reacted and is done; what came of it is for others to judge."""
        deadline = self._clock.now().timestamp() + self._timeout
        looks = 0
        while self._clock.now().timestamp() < deadline:
            fleet = self.look()
            if fleet is not None and not fleet.settled:
                looks = _REACTION_LOOKS
            elif reached(fleet) or looks >= _REACTION_LOOKS or (fleet is not None and fleet.broken):
                return
            looks += 1
            self._tenure.wait(self._poll_seconds, f"AWS says {fleet.status if fleet else 'there is no endpoint'}")
        raise EndpointUnrecovered(
            f"AWS has not finished a change within {self._timeout:g} s",
            where=f"endpoint {self._endpoint}",
            next_step="read the endpoint's events in the console; the same command continues where this one stopped",
        )
