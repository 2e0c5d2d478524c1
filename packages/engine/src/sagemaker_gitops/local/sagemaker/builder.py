"""Starts the fleet that an endpoint configuration describes."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam import work
from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker.endpoint_configs import variants
from sagemaker_gitops.local.sagemaker.fleet import Fleet
from sagemaker_gitops.local.sagemaker.models import Models
from sagemaker_gitops.local.sagemaker.replica import Launch, Replica, Unhealthy
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.refusal import Refusal

_HEALTH_SECONDS = 240


class Builder:
    """Turns endpoint configurations into running fleets."""

    def __init__(self, foundation: Foundation, models: Models, roles: Roles) -> None:
        self._foundation = foundation
        self._models = models
        self._roles = roles

    def build(self, place: Place, endpoint: str, config: Document) -> Fleet:
        """Start every variant and wait until each answers; raise Unhealthy when one does not."""
        if self._foundation.faults.strikes("endpoint-failed"):
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
        s3 = self._foundation.clients.s3(place)

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
            *work.pulling(container["Image"]),
            *work.telling(place, f"/aws/sagemaker/Endpoints/{endpoint}"),
            *([work.fetching(container["ModelDataUrl"])] if "ModelDataUrl" in container else []),
            *([work.writing(folder)] if capture.get("EnableCapture") else []),
        ]
        self._roles.act(place, model["ExecutionRoleArn"], accesses)

    def _replica(self, place: Place, endpoint: str, variant: Document) -> Replica:
        model = self._models.find(place, variant["ModelName"])
        container = self._models.container(place, model)
        image = self._foundation.images.find(container["Image"])
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
            sink=self._foundation.logs.sink(place, f"/aws/sagemaker/Endpoints/{endpoint}", stream),
        )
        return Replica(launch, self._foundation.containers, self._foundation.folder.scratch)
