"""Which stacks an environment is made of, and what it costs: only what its configuration asks for."""

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.cloudformation.template import parse_template
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import cost, infrastructure
from sagemaker_gitops.stacks.infrastructure import Stack

PRIVATE = {"private_endpoint": {"vpc": "vpc-0a", "subnets": ["subnet-0a", "subnet-0b"], "callers": "10.0.0.0/8"}}
FRONT = {"http_front": {"requests_per_second": 20, "burst": 40}}
STORE = {"PIPELINE__SERVING__FEATURES": "store", "PIPELINE__MONITOR__POLICY__DISPATCH_SECRET": "github"}


def configured(checkout: Path, **sections: Any) -> Settings:
    """Load dev with more in its file."""
    path = checkout / "infra/config/dev.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | sections))
    return Settings.load(checkout, "dev", {})


def by_concern(settings: Settings) -> dict[str, Stack]:
    """Return the environment's own stacks."""
    return {stack.concern: stack for stack in infrastructure.stacks(settings) if stack.scope == "dev"}


def test_private_endpoint_http_front_and_feature_store_are_off_by_default(checkout: Path) -> None:
    """Neither a stack nor a line of cost."""
    settings = configured(checkout)

    names = {item.name for item in cost.estimate(settings, alarms=5).items}

    assert not {"dispatch", "network", "front", "features"} & by_concern(settings).keys()
    assert not {"private endpoint", "HTTP front", "feature store"} & names
    off = [f"loan-approval-{name}-dev" for name in ("dispatch", "network", "front", "features")]
    assert infrastructure.switched_off(settings) == tuple(off)


def test_what_is_asked_for_is_made_and_priced(checkout: Path) -> None:
    """With the parameters of the configuration, in the stack's own words."""
    configured(checkout, **PRIVATE, **FRONT)
    settings = Settings.load(checkout, "dev", STORE)

    stacks = by_concern(settings)
    priced = {item.name: item.dollars for item in cost.estimate(settings, alarms=5).items}

    assert stacks["network"].parameters["Subnets"] == "subnet-0a,subnet-0b"
    assert stacks["front"].parameters["RequestsPerSecond"] == "20"
    assert stacks["front"].parameters["Burst"] == "40"
    assert stacks["dispatch"].parameters["DispatchSecret"] == "github"
    assert priced["private endpoint"] == pytest.approx(2 * 0.01 * 730)
    assert priced["HTTP front"] == pytest.approx(2.628 * 8.5)
    assert priced["feature store"] == pytest.approx(1 + 2.628 * 0.25)
    assert stacks["features"].parameters["FeatureGroup"].startswith("loan-approval-dev-")
    (group,) = (
        item for name, item in parse_template(stacks["features"].template).resources.items() if name.startswith("Group")
    )
    columns = group.properties["FeatureDefinitions"]
    assert {"FeatureName": "pirat", "FeatureType": "Fractional"} in columns
    assert {"FeatureName": "chist", "FeatureType": "String"} in columns
    assert infrastructure.switched_off(settings) == ()


@pytest.mark.parametrize("section", [{"vpc": "mine"}, {"subnets": []}, {"callers": "everybody"}])
def test_entrance_that_aws_would_refuse_is_refused_here(checkout: Path, section: dict[str, Any]) -> None:
    """Before any stack is planned, with the key at fault."""
    with pytest.raises(ConfigurationError, match=f"private_endpoint.{next(iter(section))}"):
        configured(checkout, private_endpoint=PRIVATE["private_endpoint"] | section)


def test_every_stack_gets_the_parameters_that_its_template_declares(checkout: Path) -> None:
    """No parameter is handed over in vain, and none without a default is missing."""
    configured(checkout, **PRIVATE, **FRONT)
    for stack in infrastructure.stacks(Settings.load(checkout, "dev", STORE)):
        declared = parse_template(stack.template).parameters

        assert set(stack.parameters) <= declared.keys(), stack.name
        needed = {name for name, item in declared.items() if "Default" not in item}
        assert needed <= set(stack.parameters), stack.name
