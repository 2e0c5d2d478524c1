"""Requests are checked as strictly as AWS checks them."""

from typing import Any

import pytest
from sagemaker_gitops.local.server.context import Refusal
from sagemaker_gitops.local.server.model import answer, check, operation

UPDATE = {"EndpointName": "loans", "EndpointConfigName": "config"}
ROUTING = {"Type": "CANARY", "WaitIntervalInSeconds": 60}


def routing(**changes: Any) -> dict[str, Any]:
    """Return an UpdateEndpoint whose traffic routing has some members changed."""
    policy = {"TrafficRoutingConfiguration": {**ROUTING, **changes}}
    return {**UPDATE, "DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"EndpointName": "loans"}, "ValidationException", "Value null at 'endpointConfigName'"),
        ({**UPDATE, "EndpointName": 7}, "SerializationException", "cannot be converted to string"),
        ({**UPDATE, "Name": "x"}, "ValidationException", "Unknown parameter: Name"),
        ({**UPDATE, "EndpointName": "a b"}, "ValidationException", "regular expression pattern: [a-zA-Z0-9]"),
        ({**UPDATE, "EndpointName": "x" * 64}, "ValidationException", "length less than or equal to 63"),
        (routing(Type="CANARYY"), "ValidationException", "enum value set: [ALL_AT_ONCE, CANARY, LINEAR]"),
        (routing(WaitIntervalInSeconds=3601), "ValidationException", "value less than or equal to 3600"),
        (routing(WaitIntervalInSeconds=True), "SerializationException", "cannot be converted to integer"),
        ([], "SerializationException", "Start of structure"),
    ],
)
def test_refuses_a_bad_request(params: Any, code: str, message: str) -> None:
    """Each kind of violation is refused with AWS's code and words."""
    with pytest.raises(Refusal) as caught:
        check(operation("sagemaker", "UpdateEndpoint"), params)

    assert caught.value.code == code
    assert message in caught.value.message


def test_counts_and_places_every_violation() -> None:
    """All violations come in one message, each with the path to it."""
    params = routing(Type="X", CanarySize={"Type": "Y", "Value": 10})

    with pytest.raises(Refusal) as caught:
        check(operation("sagemaker", "UpdateEndpoint"), params)

    where = "deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration"
    assert caught.value.message.startswith("2 validation errors detected: ")
    assert f"'{where}.type'" in caught.value.message
    assert f"'{where}.canarySize.type'" in caught.value.message


def test_numbers_list_members_from_one() -> None:
    """AWS counts list members from 1."""
    params = {
        "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/x",
        "Tags": [{"Key": "a", "Value": "b"}, {}],
    }

    with pytest.raises(Refusal) as caught:
        check(operation("sagemaker", "AddTags"), params)

    assert "'tags.2.member.key'" in caught.value.message


def test_takes_a_good_request_and_drops_nulls() -> None:
    """A null member counts as absent."""
    params = {**UPDATE, "DeploymentConfig": None}

    checked = check(operation("sagemaker", "UpdateEndpoint"), params)

    assert checked == UPDATE


def test_answers_only_known_members() -> None:
    """What the service model does not know never leaves the plane; falsy values do."""
    stored = {"EndpointName": "loans", "Secret": 1, "ProductionVariants": [{"VariantName": "v", "CurrentWeight": 0.0}]}

    answered = answer(operation("sagemaker", "DescribeEndpoint"), stored)

    assert answered == {k: v for k, v in stored.items() if k != "Secret"}


def test_refuses_an_operation_that_does_not_exist() -> None:
    """An operation that no version of SageMaker has is unknown, not unimplemented."""
    with pytest.raises(Refusal) as caught:
        operation("sagemaker", "DeleteEverything")

    assert caught.value.code == "UnknownOperationException"
