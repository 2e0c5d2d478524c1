"""The stored record of an endpoint, its states and its events."""

from sagemaker_gitops.local.sagemaker.fleet import Fleet
from sagemaker_gitops.local.sagemaker.replica import Replica
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.refusal import not_found

KIND = "endpoint"
# EventBridge writes the states differently from the API.
_EVENT_STATUS = {
    "InService": "IN_SERVICE",
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "Deleting": "DELETING",
    "Failed": "FAILED",
    "RollingBack": "ROLLING_BACK",
}


class EndpointState:
    """Reads and writes endpoints, and announces each change."""

    def __init__(self, foundation: Foundation) -> None:
        self._foundation = foundation

    def find(self, place: Place, name: str) -> Document:
        """Return an endpoint by name."""
        endpoint = self._foundation.store.find(place, KIND, name)
        if endpoint is None:
            raise not_found("endpoint", place.arn(KIND, name))
        return endpoint

    def change(self, place: Place, name: str, **fields: object) -> None:
        """Change an endpoint's record; announce its state."""
        endpoint = self._foundation.store.change(place, KIND, name, **fields, LastModifiedTime=now())
        if "EndpointStatus" in fields:
            self.announce(place, endpoint)

    def announce(self, place: Place, endpoint: Document) -> None:
        """Put the endpoint's state on the event bus."""
        names = ("EndpointName", "EndpointArn", "EndpointConfigName", "ProductionVariants", "FailureReason")
        detail = {name: endpoint[name] for name in (*names, "CreationTime", "LastModifiedTime") if name in endpoint}
        status = _EVENT_STATUS[endpoint["EndpointStatus"]]
        self._foundation.events.state_change(
            place, "Endpoint", endpoint["EndpointArn"], {**detail, "EndpointStatus": status}
        )

    def deployment(self, place: Place, name: str, event_type: str, **more: object) -> None:
        """Announce a step of a guarded deployment."""
        endpoint = self.find(place, name)
        detail = {
            "EndpointName": name,
            "EndpointArn": endpoint["EndpointArn"],
            "EndpointConfigName": endpoint["EndpointConfigName"],
            "EventType": event_type,
            **more,
        }
        self._foundation.events.state_change(place, "Endpoint Deployment", endpoint["EndpointArn"], detail)

    def serving(self, fleet: Fleet) -> dict[str, object]:
        """Return the fields of an endpoint that a fleet serves."""
        return {
            "EndpointConfigName": fleet.config["EndpointConfigName"],
            "ActiveConfig": fleet.config,
            "ProductionVariants": [_summary(replica, fleet) for replica in fleet.production],
            "ShadowProductionVariants": [_summary(replica, fleet) for replica in fleet.shadows] or None,
        }


def _summary(replica: Replica, fleet: Fleet) -> Document:
    variant, image = replica.variant, replica.image_uri
    weight = fleet.weights.get(replica.variant_name, variant["InitialVariantWeight"])
    count = variant["InitialInstanceCount"]
    return {
        "VariantName": replica.variant_name,
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now()}],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def shown(endpoint: Document) -> Document:
    """Return an endpoint as DescribeEndpoint gives it."""
    capture = endpoint.get("ActiveConfig", {}).get("DataCaptureConfig")
    if not capture:
        return endpoint
    enabled = bool(capture.get("EnableCapture", False))
    summary = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }
    return {**endpoint, "DataCaptureConfig": summary}
