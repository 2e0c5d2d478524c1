"""Requests and responses in the shapes of CloudFormation's API."""

from collections.abc import Mapping, Sequence

from sagemaker_gitops.local.cloudformation.changes import Change
from sagemaker_gitops.local.cloudformation.state import AppliedResource, Stack
from sagemaker_gitops.local.cloudformation.template import refused
from sagemaker_gitops.local.server.context import Document, Refusal, unsupported

_BODY_BYTES = 51_200
_READ = frozenset(
    {
        "StackName",
        "TemplateBody",
        "Parameters",
        "Capabilities",
        "Tags",
        "ChangeSetName",
        "ChangeSetType",
        "OnStackFailure",
        "ImportExistingResources",
        "Description",
    }
)


def body(params: Document) -> str:
    """Return the template of a request, and refuse what the embedded AWS would not act on."""
    if ignored := sorted(set(params) - _READ):
        raise unsupported(f"{', '.join(ignored)} of CreateChangeSet")
    template = str(params.get("TemplateBody", ""))
    if len(template.encode()) > _BODY_BYTES:
        raise refused(f"1 validation error detected: templateBody must have length less than or equal to {_BODY_BYTES}")
    return template


def require_capabilities(changes: Sequence[Change], given: Sequence[str]) -> None:
    """Refuse IAM resources with names of their own unless the caller acknowledges them."""
    if any(change.type.startswith("AWS::IAM::") for change in changes) and "CAPABILITY_NAMED_IAM" not in given:
        raise Refusal("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")


def stack_response(found: Stack) -> Document:
    """Describe a stack."""
    return {
        "StackId": found.id,
        "StackName": found.name,
        "Description": found.description or None,
        "Parameters": parameters_response(found.parameters),
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.reason or None,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in found.outputs.items()],
        "Tags": tags_response(found.tags),
    }


def resource_response(owner: Stack, made: AppliedResource) -> Document:
    """Describe one resource of a stack."""
    return {
        "StackName": owner.name,
        "StackId": owner.id,
        "LogicalResourceId": made.logical_id,
        "PhysicalResourceId": made.identifier,
        "ResourceType": made.type,
        "Timestamp": made.time,
        "LastUpdatedTimestamp": made.time,
        "ResourceStatus": made.status,
    }


def parameters_response(values: Mapping[str, str]) -> list[Document]:
    """Describe parameters."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def tags_response(values: Mapping[str, str]) -> list[Document]:
    """Describe tags."""
    return [{"Key": key, "Value": value} for key, value in values.items()]
