"""What CloudFormation has in which region, by cfn-lint's schemas, and which stacks are then made."""

import json
import re
from pathlib import Path

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.regions import absent
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import infrastructure
from tests.bake import ROOT as TEMPLATE_ROOT
from tests.engine.conftest import PROJECT
from tests.sample import ROOT

RULES = json.loads((TEMPLATE_ROOT / "cookiecutter.json").read_text())["_rules"]["aws_region"]["rules"]
OFFERED = sorted(next(iter(RULES)).split("|"))
TEXTS = [path.read_text() for path in sorted((ROOT / "infra/lib").glob("*.yml"))]
ALWAYS = {"access", "audit", "cost", "delivery", "observability", "registry", "response", "storage"}
TYPES = sorted({name for text in TEXTS for name in re.findall(r"^    Type: (AWS::\w+::\w+)", text, re.MULTILINE)})


def settings(checkout: Path, region: str, **environ: str) -> Settings:
    """Load dev in a region."""
    (checkout / "infra/config/project.json").write_text(json.dumps({**PROJECT, "region": region}))
    return Settings.load(checkout, "dev", environ)


def test_schemas_and_templates_are_what_is_compared() -> None:
    """Neither list is empty by mistake."""
    assert len(TYPES) > 25
    assert len(OFFERED) > 25
    assert len(PROVIDER_SCHEMA_MANAGER.get_resource_types("eu-west-1")) > 500


@pytest.mark.parametrize("region", sorted({*OFFERED, "ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-6"}))
def test_table_says_what_the_schemas_say(region: str) -> None:
    """Each type of each template, in each region."""
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))

    assert [name for name in TYPES if absent(name, region)] == [name for name in TYPES if name not in known]


@pytest.mark.parametrize("region", OFFERED)
def test_every_region_that_is_offered_has_what_an_environment_needs(checkout: Path, region: str) -> None:
    """What its configuration asks for as it is baked; without the budget, where there is none."""
    found = settings(checkout, region)

    concerns = {stack.concern for stack in infrastructure.stacks(found)}

    budgets = not absent("AWS::Budgets::Budget", region)
    assert ("cost" in concerns) == budgets
    assert concerns | {"cost"} == ALWAYS
    assert bool(infrastructure.left_out(found)) != budgets


@pytest.mark.parametrize(
    ("region", "environ", "missing"),
    [
        ("ca-west-1", {"PIPELINE__SERVING__FEATURES": "store"}, "FeatureGroup"),
        ("il-central-1", {"PIPELINE__MONITOR__POLICY__DISPATCH_SECRET": "github"}, "ApiDestination"),
        ("ap-east-2", {}, "ModelPackageGroup"),
    ],
)
def test_what_a_region_lacks_is_said_before_anything_is_planned(
    checkout: Path, region: str, environ: dict[str, str], missing: str
) -> None:
    """With the type, the region, and what helps."""
    with pytest.raises(ConfigurationError, match=f"{missing}.* in {region}"):
        infrastructure.stacks(settings(checkout, region, **environ))
