"""Which of this project's resource types CloudFormation does not have in which regions, as cfn-lint's schemas tell."""

from collections.abc import Mapping

_FEW = frozenset({"ap-east-2", "ap-southeast-6"})
_NO_MODEL_REGISTRY = _FEW | {"ap-south-2", "ap-southeast-4"}
_NO_API_DESTINATIONS = _FEW | {"ap-southeast-5", "ca-west-1", "il-central-1", "mx-central-1"}
_NO_FEATURE_STORE = _NO_MODEL_REGISTRY | {
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "me-central-1",
    "mx-central-1",
}
_NO_BUDGETS = _NO_API_DESTINATIONS | {
    "af-south-1",
    "ap-east-1",
    "ap-northeast-3",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-7",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "me-central-1",
}
_ABSENT: Mapping[str, frozenset[str]] = {
    "AWS::Budgets::Budget": _NO_BUDGETS,
    "AWS::Events::ApiDestination": _NO_API_DESTINATIONS,
    "AWS::Events::Connection": _NO_API_DESTINATIONS,
    "AWS::SageMaker::FeatureGroup": _NO_FEATURE_STORE,
    "AWS::SageMaker::ModelPackageGroup": _NO_MODEL_REGISTRY,
}


def absent(resource_type: str, region: str) -> bool:
    """Tell whether CloudFormation knows no such resource in a region."""
    return region in _ABSENT.get(resource_type, frozenset())
