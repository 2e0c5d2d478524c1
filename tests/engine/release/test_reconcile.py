"""Declared against actual: every kind of difference is found, and nothing where there is none."""

from dataclasses import replace

import pytest
from sagemaker_gitops.aws.endpoint_shapes import Endpoint, Variant
from sagemaker_gitops.release.reconcile import Actual, Declared, differences
from tests.engine.release.rig import release

ONE, TWO = release(1), release(2)
DECLARED = Declared(
    serving=TWO,
    known=frozenset({ONE.model, TWO.model}),
    instance_type="ml.m6i.large",
    instances=2,
    capture_percent=100,
)


def variant(version: int, weight: float, *, instances: int = 2, instance_type: str = "ml.m6i.large") -> Variant:
    """Make a variant of a release."""
    item = release(version)
    return Variant(name=item.variant, model=item.model, weight=weight, instances=instances, instance_type=instance_type)


def endpoint(*production: Variant, status: str = "InService", captured: int = 100) -> Endpoint:
    """Make an endpoint of variants."""
    return Endpoint(status=status, config="c", production=production, capture_percent=captured)


ACTUAL = Actual(endpoint=endpoint(variant(1, 0), variant(2, 100)), tags=TWO.tags)


def test_declared_state_has_no_difference() -> None:
    """The serving release with all traffic, its standby at nothing: as it should be."""
    assert differences(DECLARED, ACTUAL) == []


def test_fleet_that_was_scaled_out_is_as_declared() -> None:
    """Autoscaling may add instances."""
    grown = replace(ACTUAL, endpoint=endpoint(variant(2, 100, instances=9)))

    assert differences(DECLARED, grown) == []


def test_standby_as_large_as_the_fleet_ever_was_is_as_declared() -> None:
    """A standby keeps the size that autoscaling had given it; only beyond the maximum did somebody change it."""
    scaled = replace(DECLARED, most_instances=8)

    assert differences(scaled, replace(ACTUAL, endpoint=endpoint(variant(1, 0, instances=8), variant(2, 100)))) == []
    assert differences(scaled, replace(ACTUAL, endpoint=endpoint(variant(1, 0, instances=9), variant(2, 100)))) != []


@pytest.mark.parametrize(
    ("actual", "what", "fix"),
    [
        (replace(ACTUAL, endpoint=None), "endpoint", "fleet"),
        (replace(ACTUAL, endpoint=endpoint(status="Failed")), "endpoint", "fleet"),
        (replace(ACTUAL, endpoint=endpoint(variant(1, 100), variant(2, 0))), "weights", "weights"),
        (replace(ACTUAL, endpoint=endpoint(variant(1, 30), variant(2, 70))), "weights", "weights"),
        (replace(ACTUAL, endpoint=endpoint(variant(1, 100))), "model", "fleet"),
        (replace(ACTUAL, endpoint=endpoint(variant(2, 100), variant(9, 0))), f"variant {release(9).variant}", "fleet"),
        (replace(ACTUAL, endpoint=endpoint(variant(2, 100, instances=1))), f"instances of {TWO.variant}", "size"),
        (
            replace(ACTUAL, endpoint=endpoint(variant(1, 0, instances=5), variant(2, 100))),
            f"instances of {ONE.variant}",
            "size",
        ),
        (
            replace(ACTUAL, endpoint=endpoint(variant(1, 0, instances=1), variant(2, 100))),
            f"instances of {ONE.variant}",
            "size",
        ),
        (
            replace(ACTUAL, endpoint=endpoint(variant(2, 100, instance_type="ml.c7i.large"))),
            f"instance type of {TWO.variant}",
            "fleet",
        ),
        (replace(ACTUAL, endpoint=endpoint(variant(2, 100), captured=0)), "data capture", "fleet"),
        (replace(ACTUAL, tags=TWO.tags | {"release": "v1"}), "tag release", "tags"),
    ],
)
def test_every_kind_of_difference_is_found(actual: Actual, what: str, fix: str) -> None:
    """Each is named, with what would fix it."""
    found = differences(DECLARED, actual)

    assert [(item.what, item.fix) for item in found] == [(what, fix)]


def test_missing_alarm_is_found() -> None:
    """An alarm that the configuration counts on must exist."""
    found = differences(DECLARED, ACTUAL, expected_alarms=("loans-prod-latency",))

    assert [item.what for item in found] == ["alarm loans-prod-latency"]


def test_ringing_alarm_is_no_difference() -> None:
    """An alarm that rings does what it was declared for."""
    found = differences(DECLARED, replace(ACTUAL, alarms={"loans-prod-errors": "ALARM"}))

    assert found == []


def test_endpoint_that_nobody_released_is_found() -> None:
    """What serves without an entry in the ledger is a difference that no command fixes."""
    undeclared = replace(DECLARED, serving=None)

    assert [item.fix for item in differences(undeclared, ACTUAL)] == ["none"]
    assert differences(undeclared, Actual(endpoint=None)) == []
