"""Models: what an endpoint variant runs."""

from collections.abc import Callable

from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.sagemaker.listing import Listing
from sagemaker_gitops.local.sagemaker.registry import Registry
from sagemaker_gitops.local.sagemaker.tags import Tags
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.refusal import duplicate, invalid, not_found, unsupported

KIND = "model"
_NOT_HOSTED = frozenset({"ModelDataSource", "AdditionalModelDataSources", "InferenceSpecificationName"})
_LISTING = Listing(result="Models", name="ModelName")


class Models:
    """The model operations."""

    def __init__(self, foundation: Foundation, registry: Registry, roles: Roles, tags: Tags) -> None:
        self._foundation = foundation
        self._registry = registry
        self._roles = roles
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def find(self, place: Place, name: str) -> Document:
        """Return a model by name."""
        model = self._foundation.store.find(place, KIND, name)
        if model is None:
            raise not_found("model", place.arn(KIND, name))
        return model

    def container(self, place: Place, model: Document) -> Document:
        """Return what to run for a model: image, artefact, environment."""
        container = _only_container(model)
        if "ModelPackageName" not in container:
            return container
        package = self._registry.find(place, container["ModelPackageName"])
        packaged = package["InferenceSpecification"]["Containers"][0]
        environment = {**packaged.get("Environment", {}), **container.get("Environment", {})}
        return {**packaged, "Environment": environment}

    def create(self, call: Call) -> Document:
        """CreateModel."""
        place, params, store = call.place, call.params, self._foundation.store
        name, arn = params["ModelName"], place.arn(KIND, params["ModelName"])
        container = _only_container(params)
        if "ExecutionRoleArn" not in params:
            raise invalid("ExecutionRoleArn is required.")
        self._roles.require(place, params["ExecutionRoleArn"])
        self._check_container(call.caller, container)
        with store.lock:
            if store.find(place, KIND, name):
                raise duplicate("model", arn)
            self._tags.put(place, arn, params.pop("Tags", []))
            fresh = {"EnableNetworkIsolation": False, **params, "ModelArn": arn, "CreationTime": now()}
            store.put(place, KIND, name, fresh)
        return {"ModelArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeModel."""
        return self.find(call.place, call.params["ModelName"])

    def list(self, call: Call) -> Document:
        """ListModels."""
        return _LISTING.page(self._foundation.store.all(call.place, KIND), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteModel: allowed while an endpoint runs it, as on AWS."""
        model = self.find(call.place, call.params["ModelName"])
        self._foundation.store.remove(call.place, KIND, model["ModelName"])
        self._tags.forget(call.place, model["ModelArn"])
        return {}

    def _check_container(self, caller: Caller, container: Document) -> None:
        if "ModelPackageName" in container:
            self._check_package(caller, container["ModelPackageName"])
        elif "Image" not in container:
            raise invalid("Both Image and ModelPackageName are missing in the container definition.")
        else:
            self._foundation.images.find(container["Image"])
            uri = container.get("ModelDataUrl")
            if uri and not transfer.exists(self._foundation.clients.s3(caller.place), uri):
                raise invalid(f"Could not find model data at {uri}.")

    def _check_package(self, caller: Caller, arn: str) -> None:
        package = self._registry.shared(caller, arn, "CreateModel")
        status = package["ModelApprovalStatus"]
        if status != "Approved":
            raise invalid(f"Cannot create Model: ModelPackage {arn} has approval status {status}, not Approved.")
        if "InferenceSpecification" not in package:
            raise invalid(f"Cannot create Model: ModelPackage {arn} has no InferenceSpecification.")


def _only_container(params: Document) -> Document:
    containers: list[Document] = params.get("Containers") or []
    primary: Document | None = params.get("PrimaryContainer")
    if primary is not None and containers:
        raise invalid("PrimaryContainer and Containers cannot both be present.")
    if len(containers) > 1:
        raise unsupported("inference pipelines of several containers")
    if primary is None and not containers:
        raise invalid("Either PrimaryContainer or Containers must be present.")
    container = primary if primary is not None else containers[0]
    if container.get("Mode") == "MultiModel" or _NOT_HOSTED & set(container):
        raise unsupported("multi-model containers, ModelDataSource and additional models")
    return container
