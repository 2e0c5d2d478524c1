"""Models, and the endpoint configurations that say which of them serve with which weights."""

import json
import re
from collections.abc import Callable

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.model_packages import ModelPackages
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import (
    Call,
    Caller,
    Document,
    Place,
    duplicate,
    invalid,
    not_found,
    now,
    unsupported,
)
from sagemaker_gitops.local.server.persistence import Store
from sagemaker_gitops.local.server.service import SharedState

KIND = "model"
_PUSHED = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[\w.-]+)"
)
_NO_CONTAINER_MEMBERS = frozenset({"ModelDataSource", "AdditionalModelDataSources", "InferenceSpecificationName"})
_LISTING = Listing(result="Models", name="ModelName")


class Models:
    """The model operations."""

    def __init__(self, shared: SharedState, registry: ModelPackages, roles: Roles, tags: Tags) -> None:
        self._shared = shared
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
        model = self._shared.store.find(place, KIND, name)
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
        place, params, store = call.place, call.params, self._shared.store
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
        return _LISTING.page(self._shared.store.all(call.place, KIND), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteModel: allowed while an endpoint runs it, as on AWS."""
        model = self.find(call.place, call.params["ModelName"])
        self._shared.store.remove(call.place, KIND, model["ModelName"])
        self._tags.forget(call.place, model["ModelArn"])
        return {}

    def _check_container(self, caller: Caller, container: Document) -> None:
        if "ModelPackageName" in container:
            self._check_package(caller, container["ModelPackageName"])
        elif "Image" not in container:
            raise invalid("Both Image and ModelPackageName are missing in the container definition.")
        else:
            self._shared.images.find(container["Image"])
            _require_docker_manifest(self._shared.clients, container["Image"])
            uri = container.get("ModelDataUrl")
            if uri and not transfer.exists(self._shared.clients.s3(caller.place), uri):
                raise invalid(f"Could not find model data at {uri}.")

    def _check_package(self, caller: Caller, arn: str) -> None:
        package = self._registry.shared(caller, arn, "CreateModel")
        for container in package.get("InferenceSpecification", {}).get("Containers", []):
            _require_docker_manifest(self._shared.clients, container["Image"])
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
    if container.get("Mode") == "MultiModel" or _NO_CONTAINER_MEMBERS & set(container):
        raise unsupported("multi-model containers, ModelDataSource and additional models")
    return container


CONFIG_KIND = "endpoint-config"
_WORDS = "endpoint configuration"
_CONFIGS = Listing(result="EndpointConfigs", name="EndpointConfigName")
_NO_CONFIG_MEMBERS = frozenset({"AsyncInferenceConfig", "ExplainerConfig", "CrossRegionTrafficConfig", "MetricsConfig"})
_NOT_HOSTED_VARIANT = frozenset({"ServerlessConfig", "CoreDumpConfig", "ManagedInstanceScaling"})


class EndpointConfigs:
    """The endpoint configuration operations."""

    def __init__(self, store: Store, models: Models, roles: Roles, tags: Tags) -> None:
        self._store = store
        self._models = models
        self._roles = roles
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def find(self, place: Place, name: str) -> Document:
        """Return a configuration by name."""
        config = self._store.find(place, CONFIG_KIND, name)
        if config is None:
            raise not_found(_WORDS, place.arn(CONFIG_KIND, name))
        return config

    def create(self, call: Call) -> Document:
        """CreateEndpointConfig."""
        place, params = call.place, call.params
        name, arn = params["EndpointConfigName"], place.arn(CONFIG_KIND, params["EndpointConfigName"])
        _check_variants(params)
        for variant in variants(params):
            self._models.find(place, variant["ModelName"])
        if role := params.get("ExecutionRoleArn"):
            self._roles.require(place, role)
        with self._store.lock:
            if self._store.find(place, CONFIG_KIND, name):
                raise duplicate(_WORDS, arn)
            self._tags.put(place, arn, params.pop("Tags", []))
            document = {**params, "EndpointConfigArn": arn, "CreationTime": now()}
            self._store.put(place, CONFIG_KIND, name, _with_defaults(document))
        return {"EndpointConfigArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeEndpointConfig."""
        return self.find(call.place, call.params["EndpointConfigName"])

    def list(self, call: Call) -> Document:
        """ListEndpointConfigs."""
        return _CONFIGS.page(self._store.all(call.place, CONFIG_KIND), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteEndpointConfig: allowed while an endpoint uses it, as on AWS (which warns against it)."""
        config = self.find(call.place, call.params["EndpointConfigName"])
        self._store.remove(call.place, CONFIG_KIND, config["EndpointConfigName"])
        self._tags.forget(call.place, config["EndpointConfigArn"])
        return {}


def variants(config: Document) -> list[Document]:
    """Return every variant, production first."""
    return [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]


def _check_variants(params: Document) -> None:
    if beyond := sorted(_NO_CONFIG_MEMBERS & set(params)):
        raise unsupported(f"{', '.join(beyond)} of CreateEndpointConfig")
    shadows = params.get("ShadowProductionVariants", [])
    if shadows and (len(shadows) != 1 or len(params["ProductionVariants"]) != 1):
        raise invalid(
            "When ShadowProductionVariants are specified, exactly one production variant and one shadow "
            "variant are allowed."
        )
    every = variants(params)
    names = [v["VariantName"] for v in every]
    if len(names) != len(set(names)):
        raise invalid(f"Variant names must be unique: {', '.join(names)}")
    for variant in every:
        _check_variant(variant)


def _check_variant(variant: Document) -> None:
    if beyond := sorted(_NOT_HOSTED_VARIANT & set(variant)):
        raise unsupported(f"{', '.join(beyond)} of a variant")
    if "ModelName" not in variant:
        raise unsupported("inference components (a variant without ModelName)")
    for required in ("InstanceType", "InitialInstanceCount"):
        if required not in variant:
            raise invalid(f"{required} is required for variant {variant['VariantName']}.")


def _with_defaults(config: Document) -> Document:
    filled: Document = {
        key: [{"InitialVariantWeight": 1.0, **variant} for variant in config[key]]
        for key in ("ProductionVariants", "ShadowProductionVariants")
        if key in config
    }
    return {**config, **filled}


def _require_docker_manifest(clients: Clients, uri: str) -> None:
    """Refuse an image whose manifest is in the OCI format, as CreateModel does (aws/amazon-sagemaker-feedback#180)."""
    found = _PUSHED.fullmatch(uri)
    if found is None:
        return
    ecr = api(clients, Place(account=found["account"], region=found["region"]))
    wanted = [{"imageTag": found["tag"]}]
    answer = ecr.find("ecr", "batch_get_image", repositoryName=found["repository"], imageIds=wanted) or {}
    for image in answer.get("images", []):
        media_type = str(json.loads(image["imageManifest"]).get("mediaType", ""))
        if media_type.startswith("application/vnd.oci."):
            raise invalid(
                f"Unsupported manifest media type {media_type} for image {uri}. "
                "Ensure that valid manifest media type is used for specified image."
            )
