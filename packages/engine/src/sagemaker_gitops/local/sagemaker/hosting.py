"""What serves right now: the fleets behind each endpoint."""

import logging
import threading

from sagemaker_gitops.local.sagemaker.fleet import Fleet, Traffic
from sagemaker_gitops.local.sagemaker.replica import Replica
from sagemaker_gitops.local.server.context import Place
from sagemaker_gitops.local.server.refusal import Refusal

_LOG = logging.getLogger(__name__)


class Hosting:
    """The traffic of every endpoint that serves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traffic: dict[tuple[Place, str], Traffic] = {}

    def traffic(self, place: Place, endpoint: str) -> Traffic:
        """Return how an endpoint's requests are shared out; refuse an endpoint that serves nothing."""
        found = self._traffic.get((place, endpoint))
        if found is None:
            raise Refusal("ValidationError", f"Endpoint {endpoint} of account {place.account} not found.")
        return found

    def route(self, place: Place, endpoint: str, traffic: Traffic) -> None:
        """Send the requests from now on where `traffic` says."""
        with self._lock:
            self._traffic[place, endpoint] = traffic

    def close(self, place: Place, endpoint: str) -> list[Fleet]:
        """Take an endpoint off; return the fleets that served it."""
        with self._lock:
            traffic = self._traffic.pop((place, endpoint), None)
        if traffic is None:
            return []
        return [traffic.blue, *([traffic.green] if traffic.green else [])]

    def replicas(self, endpoint: str | None = None) -> list[Replica]:
        """Return the replicas of one endpoint, or of all."""
        with self._lock:
            serving = [t for (_, name), t in self._traffic.items() if endpoint in {None, name}]
        fleets = [fleet for t in serving for fleet in (t.blue, t.green) if fleet is not None]
        return [replica for fleet in fleets for replica in fleet.replicas]

    def revive(self) -> None:
        """Restart what died, as SageMaker replaces a container."""
        for replica in self.replicas():
            if replica.dead:
                _LOG.warning("variant %s died; it is restarted", replica.variant_name)
                replica.restart()
