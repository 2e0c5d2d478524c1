"""Endpoints as they are asked for and as they are described: configurations, variants and guardrails."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import (
        CreateEndpointConfigInputTypeDef,
        DataCaptureConfigTypeDef,
        DeploymentConfigTypeDef,
        DescribeEndpointConfigOutputTypeDef,
        DescribeEndpointOutputTypeDef,
        ProductionVariantSummaryTypeDef,
        ProductionVariantTypeDef,
        TrafficRoutingConfigTypeDef,
    )

_TRANSIENT = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_SERVES, _FAILED = "InService", "Failed"


@dataclass(frozen=True, kw_only=True)
class VariantConfig:
    """One variant of an endpoint configuration: which model, on what instances, with which weight."""

    name: str
    model: str
    fingerprint: str
    weight: int
    instance_type: str
    instances: int

    @property
    def identity(self) -> tuple[str, str, str]:
        """What cannot change without a new fleet."""
        return self.name, self.model, self.instance_type


@dataclass(frozen=True, kw_only=True)
class EndpointConfig:
    """The content of an endpoint configuration."""

    production: tuple[VariantConfig, ...]
    shadow: tuple[VariantConfig, ...] = ()
    capture_percent: int = 100

    @property
    def variants(self) -> tuple[VariantConfig, ...]:
        """All variants, the shadow ones last."""
        return (*self.production, *self.shadow)

    @property
    def weights(self) -> dict[str, int]:
        """The traffic of each production variant, in percent."""
        return {item.name: item.weight for item in self.production}

    def name(self, endpoint: str) -> str:
        """Name the configuration by its content, so that a second run finds the first one's."""
        content = json.dumps(asdict(self), sort_keys=True)
        return f"{endpoint}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """How AWS itself moves traffic to a new fleet; waits in seconds, `percent` is the size of a step."""

    routing: str
    percent: int
    wait_seconds: int
    termination_wait_seconds: int
    timeout_seconds: int
    alarms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant as it is."""

    name: str
    model: str
    weight: float
    instances: int
    instance_type: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint at one moment; `config` is the name of its configuration."""

    status: str
    config: str
    production: tuple[Variant, ...]
    shadow: tuple[Variant, ...] = ()
    failure: str = ""
    capture_percent: int = 100

    @property
    def settled(self) -> bool:
        """Tell whether AWS has finished what it was asked."""
        return self.status not in _TRANSIENT

    @property
    def broken(self) -> bool:
        """Tell whether AWS has left the endpoint in any state but the one in which it serves as configured."""
        return self.settled and self.status != _SERVES

    @property
    def failed(self) -> bool:
        """Tell whether the endpoint takes no request but its deletion; what is broken otherwise may still serve."""
        return self.status == _FAILED

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants, the shadow ones last."""
        return (*self.production, *self.shadow)

    @property
    def instances(self) -> int:
        """The instances of the largest production variant."""
        return max((item.instances for item in self.production), default=0)

    @property
    def counts(self) -> dict[str, int]:
        """The number of instances of each production variant."""
        return {item.name: item.instances for item in self.production}

    @property
    def percents(self) -> dict[str, float]:
        """The share of traffic of each production variant."""
        total = sum(item.weight for item in self.production)
        return {item.name: round(100 * item.weight / total, 3) if total else 0.0 for item in self.production}

    def variant_of(self, model: str) -> Variant | None:
        """Find the production variant that runs a model."""
        return next((item for item in self.production if item.model == model), None)

    def percent_of(self, model: str) -> float:
        """Return the share of traffic that a model serves."""
        variant = self.variant_of(model)
        return self.percents[variant.name] if variant else 0.0

    def has(self, config: EndpointConfig) -> bool:
        """Tell whether these are exactly a configuration's variants, whatever their weights."""
        return _identities(self.production) == {item.identity for item in config.production} and _identities(
            self.shadow
        ) == {item.identity for item in config.shadow}

    def splits(self, weights: Mapping[str, float]) -> bool:
        """Tell whether traffic is already split by these weights, in percent."""
        return all(abs(self.percents.get(name, 0.0) - share) < 0.01 for name, share in weights.items())


def config_request(
    name: str, config: EndpointConfig, *, capture_uri: str, capture_key: str
) -> "CreateEndpointConfigInputTypeDef":
    """Ask for an endpoint configuration that is tagged with what it serves."""
    request: CreateEndpointConfigInputTypeDef = {
        "EndpointConfigName": name,
        "ProductionVariants": [_variant_request(item) for item in config.production],
        "DataCaptureConfig": _capture(capture_uri, capture_key, config.capture_percent),
        "Tags": [{"Key": f"fingerprint:{item.name}", "Value": item.fingerprint} for item in config.variants],
    }
    if config.shadow:
        request["ShadowProductionVariants"] = [_variant_request(item) for item in config.shadow]
    return request


def deployment_request(guardrail: Guardrail) -> "DeploymentConfigTypeDef":
    """Ask for an update under a guardrail."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": _routing(guardrail),
            "TerminationWaitInSeconds": guardrail.termination_wait_seconds,
            "MaximumExecutionTimeoutInSeconds": guardrail.timeout_seconds,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in guardrail.alarms]},
    }


def endpoint_of(
    seen: "DescribeEndpointOutputTypeDef", config: "DescribeEndpointConfigOutputTypeDef | None"
) -> Endpoint:
    """Read an endpoint together with its configuration, which alone knows models and instance types."""
    declared = _declared(config) if config is not None else {}
    return Endpoint(
        status=seen["EndpointStatus"],
        config=seen.get("EndpointConfigName", ""),
        failure=seen.get("FailureReason", ""),
        production=tuple(_variant(item, declared) for item in seen.get("ProductionVariants", [])),
        shadow=tuple(_variant(item, declared) for item in seen.get("ShadowProductionVariants", [])),
        capture_percent=seen.get("DataCaptureConfig", {}).get("CurrentSamplingPercentage", 0),
    )


def _identities(variants: Sequence[Variant]) -> set[tuple[str, str, str]]:
    return {(item.name, item.model, item.instance_type) for item in variants}


def _variant(item: "ProductionVariantSummaryTypeDef", declared: Mapping[str, tuple[str, str]]) -> Variant:
    model, instance_type = declared.get(item["VariantName"], ("", ""))
    return Variant(
        name=item["VariantName"],
        model=model,
        weight=item.get("CurrentWeight", 0.0),
        instances=item.get("CurrentInstanceCount", 0),
        instance_type=instance_type,
    )


def _declared(config: "DescribeEndpointConfigOutputTypeDef") -> dict[str, tuple[str, str]]:
    every = (*config["ProductionVariants"], *config.get("ShadowProductionVariants", []))
    return {item["VariantName"]: (item.get("ModelName", ""), str(item.get("InstanceType", ""))) for item in every}


def _variant_request(item: VariantConfig) -> "ProductionVariantTypeDef":
    return {
        "VariantName": item.name,
        "ModelName": item.model,
        "InstanceType": item.instance_type,  # type: ignore[typeddict-item]
        "InitialInstanceCount": item.instances,
        "InitialVariantWeight": float(item.weight),
    }


def _capture(uri: str, key: str, percent: int) -> "DataCaptureConfigTypeDef":
    return {
        "EnableCapture": percent > 0,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": uri,
        "KmsKeyId": key,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"], "CsvContentTypes": ["text/csv"]},
    }


def _routing(guardrail: Guardrail) -> "TrafficRoutingConfigTypeDef":
    wait = guardrail.wait_seconds
    if guardrail.routing == "canary":
        return {
            "Type": "CANARY",
            "WaitIntervalInSeconds": wait,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": guardrail.percent},
        }
    if guardrail.routing == "linear":
        return {
            "Type": "LINEAR",
            "WaitIntervalInSeconds": wait,
            "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": guardrail.percent},
        }
    return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": wait}
