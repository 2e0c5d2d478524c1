"""Endpoint configurations: which models serve, with which weights, and what is captured."""

from collections.abc import Callable

from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker.listing import Listing
from sagemaker_gitops.local.sagemaker.models import Models
from sagemaker_gitops.local.sagemaker.tags import Tags
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Call, Document, Place
from sagemaker_gitops.local.server.refusal import duplicate, invalid, not_found, unsupported
from sagemaker_gitops.local.server.store import Store

KIND = "endpoint-config"
_WORDS = "endpoint configuration"
_LISTING = Listing(result="EndpointConfigs", name="EndpointConfigName")
_NOT_HOSTED = frozenset({"AsyncInferenceConfig", "ExplainerConfig", "CrossRegionTrafficConfig", "MetricsConfig"})
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
        config = self._store.find(place, KIND, name)
        if config is None:
            raise not_found(_WORDS, place.arn(KIND, name))
        return config

    def create(self, call: Call) -> Document:
        """CreateEndpointConfig."""
        place, params = call.place, call.params
        name, arn = params["EndpointConfigName"], place.arn(KIND, params["EndpointConfigName"])
        _check_variants(params)
        for variant in variants(params):
            self._models.find(place, variant["ModelName"])
        if role := params.get("ExecutionRoleArn"):
            self._roles.require(place, role)
        with self._store.lock:
            if self._store.find(place, KIND, name):
                raise duplicate(_WORDS, arn)
            self._tags.put(place, arn, params.pop("Tags", []))
            document = {**params, "EndpointConfigArn": arn, "CreationTime": now()}
            self._store.put(place, KIND, name, _with_defaults(document))
        return {"EndpointConfigArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeEndpointConfig."""
        return self.find(call.place, call.params["EndpointConfigName"])

    def list(self, call: Call) -> Document:
        """ListEndpointConfigs."""
        return _LISTING.page(self._store.all(call.place, KIND), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteEndpointConfig: allowed while an endpoint uses it, as on AWS (which warns against it)."""
        config = self.find(call.place, call.params["EndpointConfigName"])
        self._store.remove(call.place, KIND, config["EndpointConfigName"])
        self._tags.forget(call.place, config["EndpointConfigArn"])
        return {}


def variants(config: Document) -> list[Document]:
    """Return every variant, production first."""
    return [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]


def _check_variants(params: Document) -> None:
    if beyond := sorted(_NOT_HOSTED & set(params)):
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
