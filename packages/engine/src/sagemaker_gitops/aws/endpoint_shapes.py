"""Endpoints in SageMaker's terms and in ours: what is asked for, and what is described."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import (
        CreateEndpointConfigInputTypeDef,
        DataCaptureConfigTypeDef,
        DescribeEndpointConfigOutputTypeDef,
        DescribeEndpointOutputTypeDef,
        ProductionVariantSummaryTypeDef,
        ProductionVariantTypeDef,
    )


class VariantRequest(Protocol):
    """One variant to be provisioned."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> int: ...  # noqa: D102
    @property
    def instance_type(self) -> str: ...  # noqa: D102
    @property
    def instances(self) -> int: ...  # noqa: D102


class LayoutRequest(Protocol):
    """The variants of one endpoint configuration."""

    @property
    def production(self) -> Sequence[VariantRequest]: ...  # noqa: D102
    @property
    def shadow(self) -> Sequence[VariantRequest]: ...  # noqa: D102
    @property
    def capture_percent(self) -> int: ...  # noqa: D102


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
    """An endpoint as it is."""

    arn: str
    status: str
    config: str
    failure: str
    production: tuple[Variant, ...]
    shadow: tuple[Variant, ...] = ()
    capture_percent: int = 0


def config_request(name: str, layout: LayoutRequest, *, capture_uri: str) -> "CreateEndpointConfigInputTypeDef":
    """Ask for an endpoint configuration that is tagged with what it serves."""
    every = (*layout.production, *layout.shadow)
    request: CreateEndpointConfigInputTypeDef = {
        "EndpointConfigName": name,
        "ProductionVariants": [_variant_request(item) for item in layout.production],
        "DataCaptureConfig": _capture(capture_uri, layout.capture_percent),
        "Tags": [{"Key": f"fingerprint:{item.name}", "Value": item.fingerprint} for item in every],
    }
    if layout.shadow:
        request["ShadowProductionVariants"] = [_variant_request(item) for item in layout.shadow]
    return request


def endpoint_view(
    seen: "DescribeEndpointOutputTypeDef", config: "DescribeEndpointConfigOutputTypeDef | None"
) -> Endpoint:
    """Read an endpoint together with its configuration, which alone knows models and machines."""
    declared = _declared(config) if config is not None else {}
    return Endpoint(
        arn=seen["EndpointArn"],
        status=seen["EndpointStatus"],
        config=seen.get("EndpointConfigName", ""),
        failure=seen.get("FailureReason", ""),
        production=tuple(_variant(item, declared) for item in seen.get("ProductionVariants", [])),
        shadow=tuple(_variant(item, declared) for item in seen.get("ShadowProductionVariants", [])),
        capture_percent=seen.get("DataCaptureConfig", {}).get("CurrentSamplingPercentage", 0),
    )


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


def _variant_request(item: VariantRequest) -> "ProductionVariantTypeDef":
    return {
        "VariantName": item.name,
        "ModelName": item.model,
        "InstanceType": item.instance_type,  # type: ignore[typeddict-item]
        "InitialInstanceCount": item.instances,
        "InitialVariantWeight": float(item.weight),
    }


def _capture(uri: str, percent: int) -> "DataCaptureConfigTypeDef":
    return {
        "EnableCapture": percent > 0,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": uri,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"], "CsvContentTypes": ["text/csv"]},
    }
