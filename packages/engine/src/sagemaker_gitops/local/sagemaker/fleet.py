"""The serving processes of each endpoint: one fleet for each endpoint configuration."""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam import execution_roles
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker.models import Models, variants
from sagemaker_gitops.local.sagemaker.replica import Launch, Replica, Unhealthy
from sagemaker_gitops.local.server.context import Document, Place, Refusal
from sagemaker_gitops.local.server.service import SharedState

DRAIN_SECONDS = 60.0


class Draining(Exception):
    """The fleet takes no more requests: another one serves by now."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How an endpoint's requests are shared out at one moment."""

    blue: "Fleet"
    green: "Fleet | None" = None
    green_share: float = 0.0


class Fleet:
    """The replicas that serve one endpoint configuration."""

    def __init__(self, config: Document, production: list[Replica], shadows: list[Replica]) -> None:
        self.config = config
        self.production = production
        self.shadows = shadows
        self.weights: dict[str, float] = {r.variant_name: float(r.variant["InitialVariantWeight"]) for r in production}
        self._idle = threading.Condition()
        self._in_flight = 0
        self._draining = False

    @property
    def replicas(self) -> list[Replica]:
        """Return every replica, production first."""
        return [*self.production, *self.shadows]

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold the fleet open for one request."""
        with self._idle:
            if self._draining:
                raise Draining
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """Let the requests in flight finish, then end the processes."""
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._idle:
            self._draining = True
            while self._in_flight and (left := deadline - time.monotonic()) > 0:
                self._idle.wait(left)
        for replica in self.replicas:
            replica.close()

    def kill(self) -> None:
        """End the processes at once."""
        for replica in self.replicas:
            replica.kill()


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

    def restart_dead(self) -> None:
        """Restart what died, as SageMaker replaces a container."""
        for replica in self.replicas():
            if replica.dead:
                _LOG.warning("variant %s died; it is restarted", replica.variant_name)
                replica.restart()


_HEALTH_SECONDS = 240


class FleetStarter:
    """Turns endpoint configurations into running fleets."""

    def __init__(self, shared: SharedState, models: Models, roles: Roles) -> None:
        self._shared = shared
        self._models = models
        self._roles = roles

    def build(self, place: Place, endpoint: str, config: Document) -> Fleet:
        """Start every variant and wait until each answers; raise Unhealthy when one does not."""
        if self._shared.faults.hits("endpoint-failed"):
            raise Unhealthy("InternalServerError: injected by `local fault endpoint-failed`")
        try:
            for variant in variants(config):
                self._act(place, endpoint, config, variant)
            replicas = [self._replica(place, endpoint, variant) for variant in variants(config)]
        except (Refusal, ClientError, BotoCoreError) as problem:
            raise Unhealthy(str(problem)) from problem
        count = len(config["ProductionVariants"])
        fleet = Fleet(config, replicas[:count], replicas[count:])
        try:
            self._start(place, fleet)
        except BaseException:
            fleet.kill()
            raise
        return fleet

    def _start(self, place: Place, fleet: Fleet) -> None:
        s3 = self._shared.clients.s3(place)

        def start(replica: Replica) -> None:
            try:
                replica.start(s3)
            except (ClientError, BotoCoreError, OSError) as problem:
                raise Unhealthy(f"Failed to download model data: {problem}") from problem
            limit = replica.variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _HEALTH_SECONDS)
            replica.await_health(limit)

        with ThreadPoolExecutor(max_workers=max(1, len(fleet.replicas))) as pool:
            list(pool.map(start, fleet.replicas))

    def _act(self, place: Place, endpoint: str, config: Document, variant: Document) -> None:
        """Refuse a fleet whose execution role may not do what serving takes."""
        model = self._models.find(place, variant["ModelName"])
        container = self._models.container(place, model)
        capture = config.get("DataCaptureConfig", {})
        folder = f"{capture.get('DestinationS3Uri', '').rstrip('/')}/{endpoint}/{variant['VariantName']}"
        accesses = [
            *execution_roles.pull_image(container["Image"]),
            *execution_roles.write_logs(place, f"/aws/sagemaker/Endpoints/{endpoint}"),
            *([execution_roles.read_object(container["ModelDataUrl"])] if "ModelDataUrl" in container else []),
            *([execution_roles.write_object(folder)] if capture.get("EnableCapture") else []),
        ]
        self._roles.act(place, model["ExecutionRoleArn"], accesses)

    def _replica(self, place: Place, endpoint: str, variant: Document) -> Replica:
        model = self._models.find(place, variant["ModelName"])
        container = self._models.container(place, model)
        image = self._shared.images.find(container["Image"])
        stream = f"{variant['VariantName']}/i-{uuid.uuid4().hex[:17]}"
        launch = Launch(
            variant=variant,
            image=image,
            image_uri=container["Image"],
            environment={
                **self._roles.environment(place, model["ExecutionRoleArn"], "SageMaker"),
                **image.environment,
                **container.get("Environment", {}),
            },
            artifact=container.get("ModelDataUrl"),
            sink=self._shared.logs.sink(place, f"/aws/sagemaker/Endpoints/{endpoint}", stream),
        )
        return Replica(launch, self._shared.containers, self._shared.folder.scratch)
